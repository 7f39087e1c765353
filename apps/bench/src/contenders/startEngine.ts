/** Starts what a contender of suites `engine` and `tutorial` computes on. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import type { EngineName } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';

/** Our engines, and `wasm-stock`: plain @tensorflow/tfjs-backend-wasm, without our repairs. */
export type ContenderEngine = EngineName | 'wasm-stock';

/** Starts it with one thread. Only what it needs is loaded: stock and repaired kernels never share a process. */
export async function startEngine(name: ContenderEngine): Promise<void> {
  if (name !== 'wasm-stock') {
    const { initEngine } = await import('@strata-ml/core');
    await initEngine({ prefer: name, threads: 1 });
    return;
  }
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(main), '..', 'wasm-out') + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error('the stock wasm backend did not start');
}
