import { expectClose, relativeL2 } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeMemory } from '../src/index.js';
import { uniform } from './oracles/dense.js';
import { registerGradients } from './support/gradients.js';

beforeAll(async () => {
  tf.env().set('PROD', true); // spares the cpu backend's advertisement
  await registerGradients();
  expect(await tf.setBackend('native')).toBe(true);
});

const EPSILON = 1 / 64;

/** Central differences of a scalar function, computed in float32 by the cpu backend on inputs scaled to keep digits. */
async function numericGradient(f: (x: tf.Tensor) => tf.Tensor, x: Float32Array, shape: number[]): Promise<number[]> {
  await tf.setBackend('cpu');
  const at = (i: number, delta: number): number => {
    const moved = x.slice();
    moved[i]! += delta;
    return tf.tidy(() => f(tf.tensor(moved, shape)).dataSync()[0]!);
  };
  const gradient = Array.from(x, (_, i) => (at(i, EPSILON) - at(i, -EPSILON)) / (2 * EPSILON));
  await tf.setBackend('native');
  return gradient;
}

const weights = uniform(30, 2);
const w = (shape: number[]): tf.Tensor =>
  tf.tensor(
    weights.subarray(
      0,
      shape.reduce((a, b) => a * b),
    ),
    shape,
  );

const SCALARS: Record<string, (x: tf.Tensor) => tf.Tensor> = {
  matMul: (x) => tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, w([6, 5]) as tf.Tensor2D))),
  'matMul, transposed': (x) => tf.sum(tf.square(tf.matMul(x as tf.Tensor2D, w([5, 3]) as tf.Tensor2D, true))),
  'bias, broadcast': (x) => tf.sum(tf.square(tf.add(x, w([6])))),
  'scaled columns': (x) => tf.sum(tf.square(tf.mul(w([5, 1]), x))),
  'division by a row': (x) => tf.sum(tf.div(w([6]), tf.add(x, 3))),
  softmax: (x) => tf.sum(tf.mul(tf.softmax(x), w([5, 6]))),
  logSoftmax: (x) => tf.sum(tf.mul(tf.logSoftmax(x), w([5, 6]))),
  'sigmoid, tanh, exp, log': (x) => tf.mean(tf.log(tf.add(tf.exp(tf.tanh(tf.sigmoid(x))), 1))),
  'elu, erf, sqrt': (x) => tf.sum(tf.sqrt(tf.add(tf.square(tf.elu(tf.erf(x))), 1))),
  'mean, transposed': (x) => tf.sum(tf.square(tf.mean(tf.transpose(x), 1))),
  gather: (x) => tf.sum(tf.square(tf.gather(x, tf.tensor1d([4, 0, 4], 'int32')))),
  'concat, slice, pad': (x) =>
    tf.sum(
      tf.square(
        tf.pad(tf.slice(tf.concat([x, x], 1), [1, 2], [3, 8]), [
          [1, 0],
          [0, 2],
        ]),
      ),
    ),
};

describe('gradients', () => {
  it.each(Object.entries(SCALARS))('of %s are those of central differences', async (_, f) => {
    const x = uniform(30, 3);
    const expected = await numericGradient(f, x, [5, 6]);
    const gradient = tf.tidy(() =>
      tf
        .grad(f)(tf.tensor(x, [5, 6]))
        .dataSync(),
    );
    expectClose(gradient, expected, { rtol: 2e-2, atol: 4e-3, why: 'central differences of float32 values' });
  });

  it.each(['relu', 'maximum', 'max', 'abs', 'prelu'] as const)(
    'of %s, which bends, equal those of the cpu backend',
    async (name) => {
      const functions: Record<string, (x: tf.Tensor) => tf.Tensor> = {
        relu: (x) => tf.sum(tf.square(tf.relu(x))),
        maximum: (x) => tf.sum(tf.square(tf.maximum(x, w([6])))),
        max: (x) => tf.sum(tf.square(tf.max(x, 1))),
        abs: (x) => tf.sum(tf.square(tf.add(tf.abs(x), 1))),
        prelu: (x) => tf.sum(tf.square(tf.prelu(x, w([6])))),
      };
      const gradient = (): Float32Array =>
        tf.tidy(() =>
          tf
            .grad(functions[name]!)(tf.tensor(uniform(30, 3), [5, 6]))
            .dataSync<'float32'>(),
        );
      const native = gradient();
      await tf.setBackend('cpu');
      const cpu = gradient();
      await tf.setBackend('native');
      expectClose(native, cpu);
    },
  );
});

/** A 20-32-32-4 classifier on points from four noisy directions; gives the loss of each step and the final weights. */
function trainClassifier(steps: number, optimizer: tf.Optimizer): { losses: number[]; weights: Float32Array[] } {
  const n = 96;
  const labels = Int32Array.from({ length: n }, (_, i) => i % 4);
  const points = uniform(n * 20, 5);
  labels.forEach((label, i) => {
    points[i * 20 + label]! += 2;
  });
  const sizes = [20, 32, 32, 4];
  const variables = tf.tidy(() =>
    sizes.slice(1).flatMap((out, i) => [
      tf.variable(
        tf.tensor(
          uniform(sizes[i]! * out, 10 + i).map((v) => v * 0.3),
          [sizes[i]!, out],
        ),
      ),
      tf.variable(tf.zeros([out])),
    ]),
  );
  const x = tf.tensor2d(points, [n, 20]);
  const y = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, 'int32'), 4), 'float32'));
  const loss = (): tf.Scalar => {
    let h: tf.Tensor = x;
    for (let i = 0; i < variables.length; i += 2) {
      h = tf.add(tf.matMul(h as tf.Tensor2D, variables[i] as tf.Tensor as tf.Tensor2D), variables[i + 1]!);
      if (i < variables.length - 2) h = tf.relu(h);
    }
    return tf.losses.softmaxCrossEntropy(y, h);
  };
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const value = optimizer.minimize(loss, true, variables)!;
    losses.push(value.dataSync()[0]!);
    value.dispose();
  }
  const weights = variables.map((variable) => variable.dataSync<'float32'>());
  tf.dispose([x, y, ...variables]);
  optimizer.dispose();
  return { losses, weights };
}

describe('training a network', () => {
  it.each([
    ['sgd', () => tf.train.sgd(0.2)],
    ['adam', () => tf.train.adam(0.01)],
  ])('by %s follows the cpu backend step by step', async (_, make) => {
    const native = trainClassifier(40, make());
    await tf.setBackend('cpu');
    const cpu = trainClassifier(40, make());
    await tf.setBackend('native');
    expectClose(native.losses, cpu.losses, { rtol: 1e-4, atol: 1e-5, why: '40 steps of rounding' });
    native.weights.forEach((values, i) => {
      expect(relativeL2(values, cpu.weights[i]!)).toBeLessThan(1e-3);
    });
    expect(native.losses[39]!).toBeLessThan(0.2 * native.losses[0]!);
  });

  it('for 1,000 steps holds no more tensors, bytes or memory at the end than after the first few', () => {
    const before = tf.memory().numTensors;
    trainClassifier(5, tf.train.adam(0.01));
    expect(tf.memory().numTensors).toBe(before);
    const { currentBytes } = nativeMemory();
    nativeMemory().resetPeak();
    trainClassifier(10, tf.train.adam(0.01));
    const { peakBytes } = nativeMemory();
    const rss = process.memoryUsage().rss;
    trainClassifier(1000, tf.train.adam(0.01));
    expect(tf.memory().numTensors).toBe(before);
    expect(nativeMemory().currentBytes).toBe(currentBytes);
    expect(nativeMemory().peakBytes).toBe(peakBytes);
    expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 2 ** 20);
  });
});
