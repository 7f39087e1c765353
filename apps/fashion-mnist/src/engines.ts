/** The engine under the program: the only part that differs from a program for any other backend. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { initEngine, OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs';

/** `wasm` is repaired by `@strata-ml/core`, `wasm-stock` is plain `@tensorflow/tfjs-backend-wasm`. */
export const ENGINES = ['native', 'wasm', 'wasm-stock', 'tensorflow', 'cpu'] as const;
export type Engine = (typeof ENGINES)[number];

/**
 * Selects an engine before the first tensor is made.
 *
 * @throws {@link OptionError} if there is no such engine.
 * @throws {@link EngineUnavailableError} if it cannot run here.
 */
export async function useEngine(engine: Engine): Promise<void> {
  switch (engine) {
    case 'native':
      await import('@strata-ml/tfjs-backend-native');
      if (!(await tf.setBackend('native'))) throw new Error('the native backend did not start; the reason is above');
      break;
    case 'wasm-stock':
      await useStockWasm();
      break;
    case 'wasm':
    case 'tensorflow':
    case 'cpu':
      await initEngine({ prefer: engine });
      break;
    default:
      throw new OptionError('fashion-mnist', '--engine', engine, `one of ${ENGINES.join(', ')}`);
  }
}

async function useStockWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(main), '..', 'wasm-out') + sep);
  if (!(await tf.setBackend('wasm'))) throw new Error('the stock wasm backend did not start');
}
