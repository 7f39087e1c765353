/**
 * `pnpm test:tensorflow`: runs the numeric suites with the engine `tensorflow` in place of the fastest one. Each test
 * file runs in a process of its own (vitest's pool of forks), as the addon may load in one thread of a process only.
 * Arguments go to `vitest run`.
 */
import { requireNode } from '../lib/node.mjs';
import { buildFolder, isBuilt } from './place.mjs';

requireNode();
const { passThrough } = await import('../lib/phase.mjs');
const { root, toolEnvironment } = await import('../lib/setup.mjs');

/** Projects whose tests compute with tensors on whatever engine `auto` gives. */
const projects = ['core', 'models', 'gnn-dist'];

const folder = buildFolder();
if (isBuilt(folder)) {
  process.exitCode = await passThrough(
    [process.execPath, 'node_modules/vitest/vitest.mjs', 'run']
      .concat(projects.flatMap((name) => ['--project', name]))
      .concat(process.argv.slice(2)),
    { cwd: root, env: { ...toolEnvironment(), STRATA_TFJS_NODE: folder, STRATA_ENGINE: 'tensorflow' } },
  );
} else {
  process.stderr.write(`strata: the tensorflow engine is not built in ${folder}; run pnpm tensorflow:build\n`);
  process.exitCode = 1;
}
