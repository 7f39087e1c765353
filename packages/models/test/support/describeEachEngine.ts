/** Runs one suite on every tfjs engine that works here, one after the other; the others are skipped by name. */
import { createRequire } from 'node:module';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from 'vitest';

const engines = ['cpu'] as const;

export function describeEachEngine(title: string, suite: () => void): void {
  describe.each(engines)(`${title} on %s`, (engine) => {
    beforeAll(async () => {
      createRequire(new URL('../../../core/package.json', import.meta.url))('@tensorflow/tfjs-backend-cpu');
      tf.env().set('PROD', true); // no greeting on the console
      await tf.setBackend(engine);
      await tf.ready();
    });
    let tensors = 0;
    beforeEach(() => {
      tf.engine().startScope();
      tensors = tf.memory().numTensors;
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
