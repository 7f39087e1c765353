/** `npm test`: sets up what is missing, then runs every test; arguments go to `vitest run`. */
import { requireNode } from './lib/node.mjs';

requireNode();
const { passThrough } = await import('./lib/phase.mjs');
const { root, setUp, toolEnvironment } = await import('./lib/setup.mjs');

await setUp();
process.exitCode = await passThrough(
  [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...process.argv.slice(2)],
  { cwd: root, env: toolEnvironment() },
);
