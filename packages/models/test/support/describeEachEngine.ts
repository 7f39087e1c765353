/** Runs one suite on every tfjs engine that works here, one after the other; the others are skipped by name. */
import { type EngineName, initEngine } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';

const engines: readonly EngineName[] = ['cpu', 'native', 'tensorflow', 'wasm'];
const available: EngineName[] = [];
for (const prefer of engines) {
  try {
    await initEngine({ prefer });
    available.push(prefer);
  } catch {
    // Skipped below, by name.
  }
}

export function describeEachEngine(title: string, suite: () => void): void {
  for (const engine of engines) {
    describe.skipIf(!available.includes(engine))(`${title} on ${engine}`, () => {
      beforeAll(async () => {
        await initEngine({ prefer: engine });
      });
      let tensors = 0;
      beforeEach(() => {
        tensors = tf.memory().numTensors;
        tf.engine().startScope();
      });
      afterEach(() => {
        tf.engine().endScope();
        // What a test makes inside its scope is freed; what outlives it (variables, kept tensors) it must dispose.
        expect(tf.memory().numTensors).toBe(tensors);
      });
      afterAll(() => tf.disposeVariables());
      suite();
    });
  }
}
