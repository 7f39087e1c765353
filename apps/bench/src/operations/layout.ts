/** Operations that move data: transposition, joining, rows by index. */
import * as tf from '@tensorflow/tfjs-core';
import { fill } from '../contenders/inputs.js';
import type { Operation } from './Operation.js';
import { type LayoutSpec, ROWS, type RowsSpec } from './spec.js';

export function layout({ op, shape, axes }: LayoutSpec): Operation {
  const length = shape.reduce((a, b) => a * b, 1);
  const [x, y] = [fill(length, 1), fill(length, 2)];
  const [a, b] = [tf.tensor(x, [...shape]), tf.tensor(y, [...shape])];
  if (op === 'transpose') {
    const strides = shape.map((_, d) => shape.slice(d + 1).reduce((p, q) => p * q, 1));
    return {
      run: () => tf.transpose(a, [...axes]),
      element(i) {
        let [from, rest] = [0, i];
        for (const axis of axes.toReversed()) {
          from += (rest % shape[axis]!) * strides[axis]!;
          rest = Math.floor(rest / shape[axis]!);
        }
        return x[from]!;
      },
    };
  }
  const axis = axes[0]!;
  const block = shape.slice(axis).reduce((p, q) => p * q, 1);
  return {
    run: () => tf.concat([a, b], axis),
    element(i) {
      const [outer, inner] = [Math.floor(i / (2 * block)), i % (2 * block)];
      return (inner < block ? x : y)[outer * block + (inner % block)]!;
    },
  };
}

export function rows({ op }: RowsSpec): Operation {
  const { table, moved, width } = ROWS;
  const ids = Int32Array.from({ length: moved }, (_, i) => (i * 7919) % table);
  const indices = tf.tensor1d(ids, 'int32');
  if (op === 'gather') {
    const x = fill(table * width, 1);
    const a = tf.tensor2d(x, [table, width]);
    return {
      run: () => tf.gather(a, indices),
      element: (i) => x[ids[Math.floor(i / width)]! * width + (i % width)]!,
    };
  }
  const x = fill(moved * width, 1);
  const a = tf.tensor2d(x, [moved, width]);
  return {
    run: () => tf.unsortedSegmentSum(a, indices, table),
    element(i) {
      const [row, col] = [Math.floor(i / width), i % width];
      let sum = 0;
      for (let j = 0; j < moved; j++) if (ids[j] === row) sum += x[j * width + col]!;
      return sum;
    },
  };
}
