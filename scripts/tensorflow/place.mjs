/** Where the addon is built, and which versions it is built from. */
import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** What the addon is built from. TensorFlow 2.15's C API has all that tfjs-node 4.22 (made for 2.9) calls. */
export const versions = {
  tfjsNode: '4.22.0',
  protobuf: '3.21.4',
  nodeApiHeaders: '1.9.0',
  tensorflow: '2.15.1',
};

/** The folder of the build: `STRATA_TFJS_NODE`, else one in the user's cache. */
export function buildFolder(env = process.env) {
  if (env.STRATA_TFJS_NODE) return resolve(env.STRATA_TFJS_NODE);
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'strata', 'tfjs-node');
}

/** The package in a folder: the folder itself if it is the package, else `node_modules/@tensorflow/tfjs-node` in it. */
export function packageIn(folder) {
  return nameOf(folder) === '@tensorflow/tfjs-node' ? folder : join(folder, 'node_modules', '@tensorflow', 'tfjs-node');
}

/** True once the addon was built into the folder. */
export function isBuilt(folder) {
  return existsSync(stampOf(folder));
}

/** The file that says what the addon was built from; written last. */
export function stampOf(folder) {
  return join(packageIn(folder), 'lib', 'strata-build.json');
}

function nameOf(folder) {
  try {
    return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name;
  } catch {
    return undefined;
  }
}
