/** `npm run setup`: installs and builds what is not up to date, and nothing else. */
import { requireNode } from './lib/node.mjs';

requireNode();
const { setUp } = await import('./lib/setup.mjs');

await setUp();
