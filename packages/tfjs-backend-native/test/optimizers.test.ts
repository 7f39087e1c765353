import { readFileSync } from 'node:fs';
import { OptionError } from '@strata-ml/kernels';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, it } from 'vitest';
import { type FusedOptimizer, fusedAdam, fusedAdamW, fusedSgd, nativeMemory } from '../src/index.js';
import { describeEachBackend, useEngine } from './support/engines.js';
import { registerGradients } from './support/gradients.js';

const golden = JSON.parse(readFileSync(new URL('golden/fused.json', import.meta.url), 'utf8')) as {
  readonly optimizers: Readonly<Record<string, number[]>>;
};
const OPTIMIZERS: Readonly<Record<string, () => FusedOptimizer>> = {
  adam: () => fusedAdam(0.01),
  'adam with decay': () => fusedAdam(0.02, { beta1: 0.8, beta2: 0.95, epsilon: 1e-6, weightDecay: 0.05 }),
  adamw: () => fusedAdamW(0.02),
  sgd: () => fusedSgd(0.1),
  'sgd with momentum': () => fusedSgd(0.1, { momentum: 0.9, weightDecay: 0.03 }),
};

function fill(shape: number[], seed: number): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, (_, i) => (((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * 4),
    shape,
  );
}

const variables = (): [tf.Variable, tf.Variable] =>
  tf.tidy(() => [tf.variable(fill([5, 3], 1)), tf.variable(fill([3], 2))]);
/** As `train` in golden/fused.py. */
const loss = (w: tf.Variable, b: tf.Variable) => (): tf.Scalar =>
  tf.tidy(() => {
    const error = tf.sub(tf.matMul(fill([8, 5], 3) as tf.Tensor2D, w as tf.Tensor as tf.Tensor2D), fill([8, 3], 4));
    return tf.add(tf.div(tf.sum(tf.square(error)), 8), tf.mul(tf.sum(tf.square(b)), 0.1));
  });

beforeAll(() => registerGradients());

describeEachBackend('fused optimizers', (backend) => {
  it.each(Object.entries(OPTIMIZERS))('take the steps that PyTorch takes: %s', (name, make) => {
    const before = tf.memory().numTensors;
    const [w, b] = variables();
    const optimizer = make();
    for (let i = 0; i < 6; i++) optimizer.minimize(loss(w, b), false, [w, b]);
    expect(optimizer.iterations).toBe(6);
    expectClose([...w.dataSync(), ...b.dataSync()], golden.optimizers[name]!, {
      rtol: 2e-5,
      why: 'six steps in float32',
    });
    optimizer.dispose();
    tf.dispose([w, b]);
    expect(tf.memory().numTensors).toBe(before);
    if (backend === 'native') expect(nativeMemory().currentBytes).toBe(0);
  });

  it('leave alone what shares its data with a parameter, and parameters without a gradient', () => {
    const [w, b] = variables();
    const [copy, view] = [w.clone(), tf.reshape(w, [15])];
    const [start, bias] = [w.dataSync().slice(), b.dataSync().slice()];
    const optimizer = fusedSgd(0.1);
    const gradients = { [w.name]: tf.onesLike(w), [b.name]: null as unknown as tf.Tensor };
    optimizer.applyGradients(gradients);
    expect(copy.dataSync()).toEqual(start);
    expect(view.dataSync()).toEqual(start);
    expectClose(
      w.dataSync(),
      start.map((v) => v - 0.1),
    );
    expect(b.dataSync()).toEqual(bias);
    tf.dispose([w, b, copy, view, gradients[w.name]!]);
  });

  it('leave the array alone that a parameter was made from', () => {
    const mine = Float32Array.of(1, 2, 3);
    const w = tf.tidy(() => tf.variable(tf.tensor1d(mine)));
    const gradient = tf.ones([3]);
    fusedSgd(1).applyGradients([{ name: w.name, tensor: gradient }]);
    expect([...w.dataSync()]).toEqual([0, 1, 2]);
    expect([...mine]).toEqual([1, 2, 3]);
    tf.dispose([w, gradient]);
  });

  it('continue from saved weights as if nothing had happened', async () => {
    const run = async (interrupted: boolean) => {
      const [w, b] = variables();
      let optimizer = fusedAdam(0.01);
      for (let i = 0; i < 6; i++) {
        if (interrupted && i === 3) {
          const saved = await optimizer.getWeights();
          expect(saved.map(({ name }) => name)).toEqual([
            'iter',
            ...['m', 'v'].flatMap((slot) => [w, b].map(({ name }) => `${name}/${slot}`)),
          ]);
          const next = fusedAdam(0.01);
          await next.setWeights(saved);
          tf.dispose(saved[0]!.tensor);
          optimizer.dispose();
          optimizer = next;
        }
        optimizer.minimize(loss(w, b), false, [w, b]);
      }
      const result = [...w.dataSync(), ...b.dataSync()];
      optimizer.dispose();
      tf.dispose([w, b]);
      return result;
    };
    expect(await run(true)).toEqual(await run(false));
  });

  it('train a model of the layers API through compile and fit', async () => {
    const model = layers.sequential();
    model.add(layers.layers.dense({ inputShape: [6], units: 16, activation: 'relu' }));
    model.add(layers.layers.dense({ units: 3, activation: 'softmax' }));
    const optimizer = fusedAdam(0.02);
    model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const labels = Array.from({ length: 60 }, (_, i) => i % 3);
    const x = tf.tensor2d(
      labels.map((label, i) => [0, 1, 2, 3, 4, 5].map((c) => (c % 3 === label ? 1 : Math.sin(i * 7 + c) / 2))),
    );
    const y = tf.tensor2d(labels.map((label) => [0, 1, 2].map((c) => (c === label ? 1 : 0))));
    const history = await model.fit(x, y, { epochs: 15, batchSize: 20, shuffle: false, verbose: 0 });
    expect(history.history.acc!.at(-1)).toBe(1);
    expect(optimizer.getClassName()).toBe('Adam');
    expect(optimizer.getConfig()).toMatchObject({ learningRate: 0.02, beta1: 0.9, epsilon: 1e-8 });
    model.dispose();
    optimizer.dispose();
    tf.dispose([x, y]);
  });
});

describe('options of optimizers', () => {
  beforeAll(() => useEngine('native'));

  it.each([
    () => fusedAdam(0),
    () => fusedAdam(NaN),
    () => fusedAdam(0.1, { beta1: 1 }),
    () => fusedAdamW(0.1, { weightDecay: -1 }),
    () => fusedSgd(0.1, { momentum: 1.5 }),
  ])('out of range are refused', (make) => {
    expect(make).toThrow(OptionError);
  });

  it('a learning rate may be changed between steps', () => {
    const w = tf.tidy(() => tf.variable(tf.ones([2])));
    const gradient = tf.ones([2]);
    const optimizer = fusedSgd(0.5);
    optimizer.applyGradients({ [w.name]: gradient });
    optimizer.learningRate = 0.25;
    optimizer.applyGradients({ [w.name]: gradient });
    expect([...w.dataSync()]).toEqual([0.25, 0.25]);
    expect(() => optimizer.applyGradients({ nobody: gradient })).toThrow(OptionError);
    tf.dispose([w, gradient]);
  });
});
