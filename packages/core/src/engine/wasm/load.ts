/** Loads tfjs-backend-wasm in Node, in any thread, and mends what keeps it from training. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';

let loaded: Promise<{ version: string; simd: boolean }> | undefined;

/** Registers the `wasm` backend with its cliffs removed. Idempotent. */
export function loadWasm(): Promise<{ version: string; simd: boolean }> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<{ version: string; simd: boolean }> {
  const wasm = await import('@tensorflow/tfjs-backend-wasm');
  const folder = join(
    dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')),
    '..',
    'wasm-out',
  );
  wasm.setWasmPaths(folder + sep);
  return { version: wasm.version_wasm, simd: (await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) as boolean };
}
