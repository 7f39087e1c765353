/** The operations of suite `engine`: how to run each, and its plain float64 definition, element by element. */
import { SparseOperator, spmm } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { fill, sparse } from './inputs.js';

/** An operation, ready to run. */
export interface Operation {
  run(): tf.Tensor;
  /** Element i of the result, by definition, in float64. */
  element(i: number): number;
  /** Floating-point operations of a call, for products and convolutions. */
  readonly flops?: number;
  /** Bytes read and written by a call, for the others. */
  readonly bytes?: number;
}

/** Prepares an operation on the current engine. */
export const operations: Readonly<Record<string, () => Operation>> = {
  'matMul-NN': () => product(false, false),
  'matMul-NT': () => product(false, true),
  'matMul-TN': () => product(true, false),
  'matMul-batched': batchedProduct,
  exp: () => unary(tf.exp, Math.exp),
  tanh: () => unary(tf.tanh, Math.tanh),
  add: () => {
    const [x, y] = [fill(ROWS * COLS, 1), fill(ROWS * COLS, 2)];
    const [a, b] = [tf.tensor2d(x, [ROWS, COLS]), tf.tensor2d(y, [ROWS, COLS])];
    return { run: () => tf.add(a, b), element: (i) => x[i]! + y[i]!, bytes: 12 * ROWS * COLS };
  },
  'sum-axis0': () =>
    onMatrix(
      (a) => tf.sum(a, 0),
      (x, i) => total(ROWS, (r) => x[r * COLS + i]!),
      4 * (ROWS * COLS + COLS),
    ),
  'sum-axis1': () =>
    onMatrix(
      (a) => tf.sum(a, 1),
      (x, i) => total(COLS, (c) => x[i * COLS + c]!),
      4 * (ROWS * COLS + ROWS),
    ),
  softmax: () =>
    onMatrix(
      (a) => tf.softmax(a),
      (x, i) => Math.exp(x[i]!) / total(COLS, (c) => Math.exp(x[Math.floor(i / COLS) * COLS + c]!)),
      8 * ROWS * COLS,
    ),
  transpose: () =>
    onMatrix(
      (a) => tf.transpose(a),
      (x, i) => x[(i % ROWS) * COLS + Math.floor(i / ROWS)]!,
      8 * ROWS * COLS,
    ),
  gather,
  conv2d: convolution,
  'conv2d-input': convolutionInput,
  'conv2d-filter': convolutionFilter,
  spmm: sparseProduct,
};

const ROWS = 2048;
const COLS = 1024;

function total(count: number, term: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += term(i);
  return sum;
}

function onMatrix(run: (a: tf.Tensor2D) => tf.Tensor, element: (x: Float32Array, i: number) => number, bytes: number) {
  const x = fill(ROWS * COLS, 1);
  const a = tf.tensor2d(x, [ROWS, COLS]);
  return { run: () => run(a), element: (i: number) => element(x, i), bytes };
}

const unary = (op: (a: tf.Tensor2D) => tf.Tensor, f: (x: number) => number) =>
  onMatrix(op, (x, i) => f(x[i]!), 8 * ROWS * COLS);

function product(transposeA: boolean, transposeB: boolean): Operation {
  const [m, k, n] = [2048, 512, 512];
  const [x, y] = [fill(m * k, 1), fill(k * n, 2)];
  const a = tf.tensor2d(x, transposeA ? [k, m] : [m, k]);
  const b = tf.tensor2d(y, transposeB ? [n, k] : [k, n]);
  return {
    run: () => tf.matMul(a, b, transposeA, transposeB),
    element(i) {
      const [row, col] = [Math.floor(i / n), i % n];
      return total(k, (j) => x[transposeA ? j * m + row : row * k + j]! * y[transposeB ? col * k + j : j * n + col]!);
    },
    flops: 2 * m * k * n,
  };
}

function batchedProduct(): Operation {
  const [batch, m, k, n] = [8, 256, 64, 256];
  const [x, y] = [fill(batch * m * k, 1), fill(batch * k * n, 2)];
  const [a, b] = [tf.tensor3d(x, [batch, m, k]), tf.tensor3d(y, [batch, k, n])];
  return {
    run: () => tf.matMul(a, b),
    element(i) {
      const [s, row, col] = [Math.floor(i / (m * n)), Math.floor(i / n) % m, i % n];
      return total(k, (j) => x[(s * m + row) * k + j]! * y[(s * k + j) * n + col]!);
    },
    flops: 2 * batch * m * k * n,
  };
}

function gather(): Operation {
  const [table, count, width] = [20_000, 50_000, 128];
  const x = fill(table * width, 1);
  const rows = Int32Array.from({ length: count }, (_, i) => (i * 7919) % table);
  const [a, indices] = [tf.tensor2d(x, [table, width]), tf.tensor1d(rows, 'int32')];
  return {
    run: () => tf.gather(a, indices),
    element: (i) => x[rows[Math.floor(i / width)]! * width + (i % width)]!,
    bytes: 8 * count * width,
  };
}

// One layer's convolution: batch 16 of 32 × 32 pixels, 64 channels to 64, 3 × 3, padded to the same size.
const [N, H, C] = [16, 32, 64];
const CONV_FLOPS = 2 * N * H * H * 9 * C * C;
const image = (seed: number) => fill(N * H * H * C, seed);
const filters = () => fill(9 * C * C, 2);
const asImage = (x: Float32Array) => tf.tensor4d(x, [N, H, H, C]);
const asFilter = (w: Float32Array) => tf.tensor4d(w, [3, 3, C, C]);
const pixel = (x: Float32Array, n: number, r: number, c: number, channel: number) =>
  r < 0 || c < 0 || r >= H || c >= H ? 0 : x[((n * H + r) * H + c) * C + channel]!;

function convolution(): Operation {
  const [x, w] = [image(1), filters()];
  const [a, b] = [asImage(x), asFilter(w)];
  return {
    run: () => tf.conv2d(a, b, 1, 'same'),
    element(i) {
      const [n, r, c, k] = [Math.floor(i / (H * H * C)), Math.floor(i / (H * C)) % H, Math.floor(i / C) % H, i % C];
      return total(9 * C, (t) => {
        const [tap, q] = [Math.floor(t / C), t % C];
        return pixel(x, n, r + Math.floor(tap / 3) - 1, c + (tap % 3) - 1, q) * w[(tap * C + q) * C + k]!;
      });
    },
    flops: CONV_FLOPS,
  };
}

const CONV_ATTRIBUTES = { strides: 1, pad: 'same', dataFormat: 'NHWC', dimRoundingMode: undefined } as const;

function convolutionInput(): Operation {
  const [dy, w] = [image(1), filters()];
  const [a, b] = [asImage(dy), asFilter(w)];
  const attributes = { ...CONV_ATTRIBUTES, inputShape: [N, H, H, C] } as unknown as tf.NamedAttrMap;
  return {
    run: () => tf.engine().runKernel(tf.Conv2DBackpropInput, { dy: a, filter: b }, attributes) as tf.Tensor,
    element(i) {
      const [n, r, c, q] = [Math.floor(i / (H * H * C)), Math.floor(i / (H * C)) % H, Math.floor(i / C) % H, i % C];
      return total(9 * C, (t) => {
        const [tap, k] = [Math.floor(t / C), t % C];
        return pixel(dy, n, r - Math.floor(tap / 3) + 1, c - (tap % 3) + 1, k) * w[(tap * C + q) * C + k]!;
      });
    },
    flops: CONV_FLOPS,
  };
}

function convolutionFilter(): Operation {
  const [x, dy] = [image(1), image(3)];
  const [a, b] = [asImage(x), asImage(dy)];
  const attributes = { ...CONV_ATTRIBUTES, filterShape: [3, 3, C, C] } as unknown as tf.NamedAttrMap;
  return {
    run: () => tf.engine().runKernel(tf.Conv2DBackpropFilter, { x: a, dy: b }, attributes) as tf.Tensor,
    element(i) {
      const [tap, q, k] = [Math.floor(i / (C * C)), Math.floor(i / C) % C, i % C];
      return total(N * H * H, (t) => {
        const [n, r, c] = [Math.floor(t / (H * H)), Math.floor(t / H) % H, t % H];
        return pixel(x, n, r + Math.floor(tap / 3) - 1, c + (tap % 3) - 1, q) * dy[t * C + k]!;
      });
    },
    flops: CONV_FLOPS,
  };
}

function sparseProduct(): Operation {
  const [rows, nnz, width] = [169_343, 2_300_000, 128];
  const csr = sparse(rows, nnz);
  const x = fill(rows * width, 1);
  const [op, a] = [new SparseOperator(csr), tf.tensor2d(x, [rows, width])];
  return {
    run: () => spmm(op, a),
    element(i) {
      const [row, col] = [Math.floor(i / width), i % width];
      const begin = csr.indptr[row]!;
      return total(csr.indptr[row + 1]! - begin, (e) => {
        return csr.values[begin + e]! * x[csr.indices[begin + e]! * width + col]!;
      });
    },
    flops: 2 * nnz * width,
  };
}
