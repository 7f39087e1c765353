import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  batchNorm,
  configureNative,
  dropout,
  fusedAdamW,
  layerNorm,
  linear,
  nativeMemory,
  type OutOfDeviceMemoryDetails,
  OutOfDeviceMemoryError,
  selfAttention,
  softmaxCrossEntropy,
} from '../src/index.js';
import { uniform } from './oracles/dense.js';
import { useEngine } from './support/engines.js';
import { registerGradients } from './support/gradients.js';

const BUDGET = 8 << 20;
const [BATCH, TOKENS, WIDTH, HEADS] = [2, 12, 16, 2];

beforeAll(async () => {
  configureNative({ memoryBytes: BUDGET });
  await useEngine('native');
  await registerGradients();
});

const variable = (shape: number[], seed: number): tf.Variable =>
  tf.tidy(() => {
    const size = shape.reduce((a, b) => a * b, 1);
    return tf.variable(tf.tensor(uniform(size, seed), shape));
  });

/** A transformer layer with everything that keeps state or scratch; gives the loss of a step. */
function makeNetwork() {
  const shapes = [[WIDTH], [WIDTH], [WIDTH, 3 * WIDTH], [3 * WIDTH], [WIDTH, 8], [8], [8], [8], [8, 4], [4]];
  const v = shapes.map((shape, i) => variable(shape, i + 1));
  const running = { mean: variable([8], 20), variance: variable([8], 21) };
  const x = tf.tensor3d(uniform(BATCH * TOKENS * WIDTH, 9), [BATCH, TOKENS, WIDTH]);
  const labels = tf.tensor2d(
    Int32Array.from({ length: BATCH * TOKENS }, (_, i) => i % 4),
    [BATCH, TOKENS],
    'int32',
  );
  const optimizer = fusedAdamW(1e-3);
  let count = 0;
  const loss = (): tf.Scalar => {
    const qkv = linear(layerNorm(x, v[0]!, v[1]!), v[2]!, v[3]!);
    const seen = selfAttention(qkv, HEADS, { causal: true });
    const h = linear(dropout(seen, 0.1, [7, count++]), v[4]!, v[5]!, 'gelu');
    return softmaxCrossEntropy(linear(batchNorm(h, v[6]!, v[7]!, { running }), v[8]!, v[9]!), labels) as tf.Scalar;
  };
  return {
    step(): number {
      const value = optimizer.minimize(loss, true, v)!;
      const [result] = value.dataSync();
      value.dispose();
      return result!;
    },
    dispose(): void {
      optimizer.dispose();
      tf.dispose([...v, running.mean, running.variance, x, labels]);
    },
  };
}

describe('a thousand steps with fused operations and a fused optimizer', () => {
  it('hold no more tensors, bytes or memory at the end than after the first few, and train', () => {
    const before = tf.memory().numTensors;
    const network = makeNetwork();
    const first = network.step();
    for (let i = 0; i < 20; i++) network.step();
    const { numTensors, numBytes } = tf.memory();
    const { currentBytes, peakBytes } = nativeMemory();
    const { rss } = process.memoryUsage();
    let last = 0;
    for (let i = 0; i < 1000; i++) last = network.step();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    expect(nativeMemory()).toMatchObject({ currentBytes, peakBytes });
    expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
    expect(last).toBeLessThan(0.7 * first);
    network.dispose();
    expect(tf.memory().numTensors).toBe(before);
    expect(nativeMemory().currentBytes).toBe(0);
  });
});

describe('what does not fit', () => {
  it('throws with the figures, and leaves tensors and memory as they were', () => {
    const network = makeNetwork();
    network.step();
    const { currentBytes } = nativeMemory();
    const { numTensors } = tf.memory();
    const wide = tf.zeros([8, 2100, 3 * WIDTH]);
    const used = nativeMemory().currentBytes;
    let caught: unknown;
    try {
      tf.tidy(() => {
        for (;;) selfAttention(wide as tf.Tensor3D, HEADS);
      });
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(OutOfDeviceMemoryError);
    const details = (caught as OutOfDeviceMemoryError).details as unknown as OutOfDeviceMemoryDetails;
    expect(details.budgetBytes).toBe(BUDGET);
    expect(details.askedBytes).toBeGreaterThan(details.largestFreeBytes);
    expect(details.freeBytes).toBeLessThanOrEqual(BUDGET - used);
    expect((caught as Error).message).toContain(`${details.op}: ${details.askedBytes} bytes`);
    wide.dispose();
    network.step();
    expect(nativeMemory().currentBytes).toBe(currentBytes);
    expect(tf.memory().numTensors).toBe(numTensors);
    network.dispose();
  });

  it('of attention keeps queries × keys out of memory: 4,000 tokens in 8 MiB', () => {
    tf.tidy(() => {
      const qkv = tf.tensor3d(uniform(4000 * 24, 1), [1, 4000, 24]);
      nativeMemory().resetPeak();
      const y = selfAttention(qkv, 2, { causal: true });
      expect(y.shape).toEqual([1, 4000, 8]);
      // One head's scores alone would be 64 MB.
      expect(nativeMemory().peakBytes).toBeLessThan(3 << 20);
    });
  });
});
