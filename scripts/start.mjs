/** `npm start`: sets up what is missing, then trains a graph network on one device and on a small cluster. */
import { requireNode } from './lib/node.mjs';

requireNode();
const { passThrough } = await import('./lib/phase.mjs');
const { root, setUp, toolEnvironment } = await import('./lib/setup.mjs');

await setUp();
process.exitCode = await passThrough([process.execPath, 'apps/quickstart/dist/main.js', ...process.argv.slice(2)], {
  cwd: root,
  env: toolEnvironment(),
});
