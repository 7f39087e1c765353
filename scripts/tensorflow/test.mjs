/**
 * `pnpm test:tensorflow [suite …]`: runs the numeric suites on the engine `tensorflow`. Each test file runs in a process
 * of its own (vitest's pool of forks), as the addon may load in one thread of a process only.
 */
import { requireNode } from '../lib/node.mjs';
import { buildFolder, isBuilt } from './place.mjs';

requireNode();
const { passThrough } = await import('../lib/phase.mjs');
const { root, toolEnvironment } = await import('../lib/setup.mjs');

/** Arguments of vitest by suite. `npm test` runs the first two as well wherever `STRATA_TFJS_NODE` is set. */
const suites = {
  core: ['--project', 'core', 'engine/tensorflow'],
  models: ['--project', 'models', '-t', 'on tensorflow'],
  // Runs on whatever engine `auto` stands for.
  'gnn-dist': ['--project', 'gnn-dist', 'exactness', 'bytes'],
  'comm-compress': ['--project', 'comm-compress', 'equality'],
  'storage-offload': ['--project', 'storage-offload', 'exactness'],
};

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(suites);
const unknown = names.find((name) => !(name in suites));
const folder = buildFolder();
if (unknown !== undefined) {
  fail(`there is no suite ${unknown}; one of ${Object.keys(suites).join(', ')}`);
} else if (isBuilt(folder)) {
  const env = {
    ...toolEnvironment(),
    STRATA_TFJS_NODE: folder,
    STRATA_ENGINE: 'tensorflow',
    TF_CPP_MIN_LOG_LEVEL: '2',
  };
  for (const name of names) {
    const command = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=default', ...suites[name]];
    process.exitCode = (await passThrough(command, { cwd: root, env })) || process.exitCode;
  }
} else fail(`the tensorflow engine is not built in ${folder}; run pnpm tensorflow:build`);

function fail(message) {
  process.stderr.write(`strata: ${message}\n`);
  process.exitCode = 1;
}
