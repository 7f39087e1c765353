/** Every gradient that models need works on the wasm engine: the cpu engine (stock tfjs) is the reference. */
// The built package: its gradients come from a build step.
import { initEngine, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

type Op = (...x: tf.Tensor[]) => tf.Tensor;

const rng = new Rng(7);

/** Values away from 0, so that kinks (relu, abs, max) are not hit by rounding. */
function values(shape: readonly number[], salt: number, positive = false): Float32Array {
  const source = rng.split('values', salt);
  return Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, (_, i) => {
    const u = source.uniformAt(i) * 2 - 1;
    return positive ? Math.abs(u) + 0.2 : u + Math.sign(u) * 0.05;
  });
}

/** f(x…) and the gradient of Σ f·w, w random, in every x. */
function valueAndGradients(op: Op, shapes: readonly number[][], positive: boolean): Float32Array[] {
  const outputs = tf.tidy(() => {
    const xs = shapes.map((shape, i) => tf.tensor(values(shape, i, positive), shape));
    const y = op(...xs);
    const w = tf.tensor(values(y.shape, 99), y.shape);
    const loss = (...inputs: tf.Tensor[]) => tf.sum(tf.mul(tf.cast(op(...inputs), 'float32'), w)) as tf.Scalar;
    const gradients = tf.grads(loss)(xs);
    return [y, ...gradients].map((t) => Float32Array.from(t.dataSync()));
  });
  return outputs as unknown as Float32Array[];
}

async function onBoth(op: Op, shapes: readonly number[][], positive = false): Promise<void> {
  await initEngine({ prefer: 'cpu' });
  const expected = valueAndGradients(op, shapes, positive);
  await initEngine({ prefer: 'wasm' });
  const before = tf.memory().numTensors;
  const actual = valueAndGradients(op, shapes, positive);
  expect(tf.memory().numTensors).toBe(before);
  for (const [i, e] of expected.entries()) {
    const largest = e.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
    expectClose(actual[i]!, e, {
      rtol: 1e-4,
      atol: 2e-6 * largest + 1e-7,
      why: 'two float32 engines, sums in another order',
    });
  }
}

const rows = () => tf.tensor1d([3, 0, 0, 2, 3], 'int32');

/** Name, shapes of the inputs, the op; `positive` keeps the inputs where the op is defined. */
const CASES: readonly [name: string, shapes: string, op: Op, positive?: boolean][] = [
  ['matMul', '7x5 5x3', (a, b) => tf.matMul(a!, b!)],
  ['matMul, a transposed', '5x7 5x3', (a, b) => tf.matMul(a!, b!, true, false)],
  ['matMul, b transposed', '7x5 3x5', (a, b) => tf.matMul(a!, b!, false, true)],
  ['matMul, both transposed', '5x7 3x5', (a, b) => tf.matMul(a!, b!, true, true)],
  ['matMul, batched', '4x7x5 4x5x3', (a, b) => tf.matMul(a!, b!)],
  ['matMul, batched, b transposed', '2x3x7x5 2x3x6x5', (a, b) => tf.matMul(a!, b!, false, true)],
  ['matMul, tall', '300x40 40x3', (a, b) => tf.matMul(a!, b!)],
  ['fused matMul', '7x5 5x3 3', (a, b, c) => tf.fused.matMul({ a: a!, b: b!, bias: c!, activation: 'relu' })],
  [
    'fused matMul, a transposed',
    '5x7 5x3 3',
    (a, b, bias) => tf.fused.matMul({ a: a!, b: b!, bias: bias!, transposeA: true, activation: 'elu' }),
  ],
  ['add with broadcasting', '6x5 5', (a, b) => tf.add(a!, b!)],
  ['sub with broadcasting', '6x1 1x5', (a, b) => tf.sub(a!, b!)],
  ['mul with broadcasting', '6x5 6x1', (a, b) => tf.mul(a!, b!)],
  ['div with broadcasting', '6x5 1x5', (a, b) => tf.div(a!, b!), true],
  ['pow', '6x5 5', (a, b) => tf.pow(a!, b!), true],
  ['squaredDifference', '6x5 6x5', (a, b) => tf.squaredDifference(a!, b!)],
  ['maximum', '6x5 6x5', (a, b) => tf.maximum(a!, b!)],
  ['minimum', '6x5 6x5', (a, b) => tf.minimum(a!, b!)],
  ['where', '6x5 6x5', (a, b) => tf.where(tf.greater(tf.reshape(tf.range(0, 30, 1), [6, 5]), 12), a!, b!)],
  ['relu', '6x5', (a) => tf.relu(a!)],
  ['leakyRelu', '6x5', (a) => tf.leakyRelu(a!, 0.2)],
  ['elu', '6x5', (a) => tf.elu(a!)],
  ['sigmoid', '6x5', (a) => tf.sigmoid(a!)],
  ['tanh', '6x5', (a) => tf.tanh(a!)],
  ['softplus', '6x5', (a) => tf.softplus(a!)],
  ['erf', '6x5', (a) => tf.erf(a!)],
  ['exp', '6x5', (a) => tf.exp(a!)],
  ['log', '6x5', (a) => tf.log(a!), true],
  ['log1p', '6x5', (a) => tf.log1p(a!), true],
  ['sqrt', '6x5', (a) => tf.sqrt(a!), true],
  ['rsqrt', '6x5', (a) => tf.rsqrt(a!), true],
  ['reciprocal', '6x5', (a) => tf.reciprocal(a!), true],
  ['square', '6x5', (a) => tf.square(a!)],
  ['abs', '6x5', (a) => tf.abs(a!)],
  ['neg', '6x5', (a) => tf.neg(a!)],
  ['clipByValue', '6x5', (a) => tf.clipByValue(a!, -0.51, 0.52)],
  ['softmax', '6x5', (a) => tf.softmax(a!)],
  ['logSoftmax', '6x5', (a) => tf.logSoftmax(a!)],
  ['logSumExp', '6x5', (a) => tf.logSumExp(a!, 1)],
  ['sum of all', '6x5', (a) => tf.sum(a!)],
  ['sum, first axis', '6x5', (a) => tf.sum(a!, 0)],
  ['sum, two first axes, kept', '4x6x5', (a) => tf.sum(a!, [0, 1], true)],
  ['sum, last axis, kept', '6x5', (a) => tf.sum(a!, -1, true)],
  ['sum, middle axis', '4x6x5', (a) => tf.sum(a!, 1)],
  ['mean, first axis', '6x5', (a) => tf.mean(a!, 0)],
  ['mean, last axis', '6x5', (a) => tf.mean(a!, 1)],
  ['max', '6x5', (a) => tf.max(a!, 1)],
  ['min', '6x5', (a) => tf.min(a!, 0)],
  ['variance', '6x5', (a) => tf.moments(a!, 1).variance],
  [
    'layer norm by hand',
    '6x5 5 5',
    (x, g, b) => {
      const { mean, variance } = tf.moments(x!, 1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x!, mean), tf.rsqrt(tf.add(variance, 1e-5))), g!), b!);
    },
  ],
  [
    'batch norm',
    '6x5 5 5',
    (x, g, b) => {
      const { mean, variance } = tf.moments(x!, 0);
      return tf.batchNorm(
        x as tf.Tensor2D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        b as tf.Tensor1D,
        g as tf.Tensor1D,
      );
    },
  ],
  ['transpose', '6x5', (a) => tf.transpose(a!)],
  ['transpose, last two of four', '2x3x4x5', (a) => tf.transpose(a!, [0, 1, 3, 2])],
  ['transpose, any', '2x3x4x5', (a) => tf.transpose(a!, [3, 0, 2, 1])],
  ['reshape', '6x5', (a) => tf.reshape(a!, [3, 10])],
  ['gather rows', '6x5', (a) => tf.gather(a!, rows())],
  ['gather wide rows', '6x40', (a) => tf.gather(a!, rows())],
  ['gather columns', '6x5', (a) => tf.gather(a!, rows(), 1)],
  ['gather by a matrix', '6x5', (a) => tf.gather(a!, tf.tensor2d([1, 2, 1, 5], [2, 2], 'int32'))],
  ['unsortedSegmentSum', '5x4', (a) => tf.unsortedSegmentSum(a!, rows(), 4)],
  ['concat rows', '6x5 2x5', (a, b) => tf.concat([a!, b!], 0)],
  ['concat columns', '6x5 6x2', (a, b) => tf.concat([a!, b!], 1)],
  ['stack', '6x5 6x5', (a, b) => tf.stack([a!, b!], 1)],
  ['split', '6x4', (a) => tf.mul(tf.split(a!, 2, 1)[0]!, tf.split(a!, 2, 1)[1]!)],
  ['slice', '6x5', (a) => tf.slice(a!, [1, 2], [3, 2])],
  [
    'pad',
    '6x5',
    (a) =>
      tf.pad(a!, [
        [1, 0],
        [2, 3],
      ]),
  ],
  ['tile', '3x1x5', (a) => tf.tile(a!, [2, 4, 3])],
  ['broadcastTo', '6x1', (a) => tf.broadcastTo(a!, [6, 7])],
  ['reverse', '6x5', (a) => tf.reverse(a!, 0)],
  ['cumsum', '6x5', (a) => tf.cumsum(a!, 1)],
  ['prelu', '6x5 5', (a, b) => tf.prelu(a!, b!)],
  ['conv2d', '2x6x6x3 3x3x3x4', (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')],
  ['depthwiseConv2d', '2x6x6x3 3x3x3x1', (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')],
  [
    'conv2d, strided, odd sizes, same',
    '2x7x5x3 3x2x3x4',
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [2, 3], 'same'),
  ],
  [
    'conv2d, strided, rows left over',
    '2x8x9x2 3x3x2x5',
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 3, 'valid'),
  ],
  [
    'conv2d, padded by hand',
    '3x6x5x2 3x3x2x2',
    (x, w) =>
      tf.conv2d(
        x as tf.Tensor4D,
        w as tf.Tensor4D,
        2,
        [
          [0, 0],
          [2, 0],
          [1, 2],
          [0, 0],
        ] as never,
        'NHWC',
        1,
        'floor',
      ),
  ],
  [
    // More images than are unfolded at a time.
    'conv2d, many images',
    '40x16x16x24 3x3x24x2',
    (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
  ],
  ['conv2d, 1x1', '2x6x6x3 1x1x3x4', (x, w) => tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same')],
  [
    'depthwiseConv2d, strided, two per channel',
    '2x7x6x3 3x2x3x2',
    (x, w) => tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same'),
  ],
  ['maxPool, overlapping, same', '2x7x6x3', (x) => tf.maxPool(x as tf.Tensor4D, 3, 2, 'same')],
  ['avgPool, overlapping, same', '2x7x6x3', (x) => tf.avgPool(x as tf.Tensor4D, 3, 2, 'same')],
  ['maxPool', '2x6x6x3', (x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')],
  ['avgPool', '2x6x6x3', (x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid')],
];

describe('wasm engine', () => {
  beforeAll(async () => {
    await initEngine({ prefer: 'wasm' });
  });

  it.each(CASES)('gives the value and gradient of %s', async (_, shapes, op, positive) => {
    const parsed = shapes.split(' ').map((shape) => shape.split('x').map(Number));
    await onBoth(op, parsed, positive);
  });

  it('computes with complex numbers, and leaves no tensor behind', () => {
    const before = tf.memory().numTensors;
    const [there, back, sum] = tf.tidy(() => {
      const x = tf.complex([1, 2, 3, 4], [0, 1, 0, -1]);
      const spectrum = tf.fft(x);
      return [spectrum, tf.ifft(spectrum), tf.add(x, x)].map((t) => [
        ...tf.real(t).dataSync(),
        ...tf.imag(t).dataSync(),
      ]);
    }) as unknown as number[][];
    // By hand: X_k = sum of x_n (-i)^(nk).
    expectClose(there!, [10, 0, -2, -4, 0, 2, 0, -2], { atol: 1e-5, why: 'exact up to rounding' });
    expectClose(back!, [1, 2, 3, 4, 0, 1, 0, -1], { atol: 1e-5, why: 'exact up to rounding' });
    expect(sum).toEqual([2, 4, 6, 8, 0, 2, 0, -2]);
    expect(tf.memory().numTensors).toBe(before);
  });
});
