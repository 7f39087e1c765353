/** Runs a suite on the backends that can be had here without a build: native, stock wasm, cpu. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe } from 'vitest';
import '../../src/index.js';

/** Starts one of the backends. */
export async function useEngine(name: 'native' | 'wasm' | 'cpu'): Promise<void> {
  tf.env().set('PROD', true); // spares the cpu backend's advertisement
  if (name === 'wasm') {
    const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
    const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(join(dirname(main), '..', 'wasm-out') + sep);
  }
  if (!(await tf.setBackend(name))) throw new Error(`${name} did not start`);
}

/** Calls `suite` once for each backend, which runs before its tests. */
export function describeEachBackend(title: string, suite: (name: string) => void): void {
  describe.each(['native', 'wasm', 'cpu'] as const)(`${title} on %s`, (name) => {
    beforeAll(() => useEngine(name));
    suite(name);
  });
}
