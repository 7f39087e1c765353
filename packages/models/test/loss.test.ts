import { DataError, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { accuracy, bceSum, crossEntropySum, microF1 } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';

const rowsOf = (...v: number[]) => Int32Array.from(v);

describeEachEngine('losses and metrics', () => {
  it('cross-entropy of huge scores is finite and exact', () => {
    const logits = tf.tensor2d([
      [1e4, -1e4],
      [0, 0],
    ]);
    const f = (x: tf.Tensor) => crossEntropySum(x as tf.Tensor2D, rowsOf(1, 0), rowsOf(0, 1), 4);
    expectClose(f(logits).dataSync(), [(2e4 + Math.log(2)) / 4]);
    expectClose(tf.grad(f)(logits).dataSync(), [0.25, -0.25, -0.125, 0.125]);
  });

  it('passes the gradient of what comes after on', () => {
    const logits = tf.tensor2d([[0, 0]]);
    const ce = (x: tf.Tensor) => crossEntropySum(x as tf.Tensor2D, rowsOf(1), rowsOf(0), 2);
    expectClose(tf.grad(ce)(logits, tf.scalar(3)).dataSync(), [0.75, -0.75]);
    const bce = (x: tf.Tensor) => bceSum(x as tf.Tensor2D, Uint8Array.of(0, 1), rowsOf(0), 2);
    expectClose(tf.grad(bce)(logits, tf.scalar(3)).dataSync(), [0.75, -0.75]);
  });

  it('counts given rows only, and a row twice if it is given twice', () => {
    const logits = tf.tensor2d([
      [1, 2],
      [3, 5],
      [0, 0],
    ]);
    const f = (x: tf.Tensor) => crossEntropySum(x as tf.Tensor2D, rowsOf(0, 0, -1), rowsOf(1, 1), 1);
    expectClose(f(logits).dataSync(), [2 * Math.log(1 + Math.exp(2))]);
    const sigma = 1 / (1 + Math.exp(-2));
    expectClose(tf.grad(f)(logits).dataSync(), [0, 0, 2 * -sigma, 2 * sigma, 0, 0]);
  });

  it('is 0 with zero gradients on a device without training rows, or without any rows', () => {
    for (const n of [2, 0]) {
      const logits = tf.zeros<tf.Rank.R2>([n, 3]);
      const f = (x: tf.Tensor) => crossEntropySum(x as tf.Tensor2D, new Int32Array(n), rowsOf(), 7);
      expect([...f(logits).dataSync()]).toEqual([0]);
      expect([...tf.grad(f)(logits).dataSync()]).toEqual(new Array(3 * n).fill(0));
    }
  });

  it('names the row whose label is missing or out of range', () => {
    const logits = tf.zeros<tf.Rank.R2>([3, 2]);
    expect(() => crossEntropySum(logits, rowsOf(0, -1, 1), rowsOf(0, 1), 1)).toThrow(DataError);
    expect(() => crossEntropySum(logits, rowsOf(0, -1, 1), rowsOf(0, 1), 1)).toThrow(
      'label of row 1 must be in 0 … 1, got -1',
    );
    expect(() => crossEntropySum(logits, rowsOf(0, 2, 1), rowsOf(1), 1)).toThrow('got 2');
    expect(() => crossEntropySum(logits, rowsOf(0, 1, 1), rowsOf(3), 1)).toThrow('rows must be in 0 … 2, got 3');
    expect(() => crossEntropySum(logits, rowsOf(0, 1), rowsOf(1), 1)).toThrow(ShapeError);
    expect(() => bceSum(logits, new Uint8Array(5), rowsOf(1), 1)).toThrow(ShapeError);
  });

  it('binary cross-entropy of huge scores is finite and exact', () => {
    const logits = tf.tensor2d([[1000, -1000, 0]]);
    const f = (x: tf.Tensor) => bceSum(x as tf.Tensor2D, Uint8Array.of(0, 0, 1), rowsOf(0), 2);
    expectClose(f(logits).dataSync(), [(1000 + Math.log(2)) / 2]);
    expectClose(tf.grad(f)(logits).dataSync(), [0.5, 0, -0.25]);
  });

  it('accuracy takes the lowest class among ties and counts NaN as wrong', () => {
    const logits = tf.tensor2d([
      [1, 1],
      [0, 2],
      [Number.NaN, Number.NaN],
      [3, 1],
    ]);
    expect(accuracy(logits, rowsOf(0, 1, 0, 1), rowsOf(0, 1, 2, 3))).toEqual({ correct: 2, total: 4, value: 0.5 });
    expect(accuracy(logits, rowsOf(0, 1, 0, 1), rowsOf())).toEqual({ correct: 0, total: 0, value: 0 });
  });

  it('micro-F1 equals its formula', () => {
    const logits = tf.tensor2d([
      [1, -1, 2],
      [-1, 3, -2],
      [9, 9, 9],
    ]);
    const labels = Uint8Array.of(1, 1, 0, 0, 1, 0, 0, 0, 0);
    const counts = { truePositives: 2, falsePositives: 1, falseNegatives: 1, value: 4 / 6 };
    expect(microF1(logits, labels, rowsOf(0, 1))).toEqual(counts);
  });
});
