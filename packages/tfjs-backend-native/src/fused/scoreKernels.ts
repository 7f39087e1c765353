/** The inner steps of attention on a group of matrices: products of ONNX Runtime around the SIMD softmax, in scratch. */
import { maskedSoftmaxGradientInto, maskedSoftmaxInto } from '@strata-ml/kernels';
import type * as tf from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import type { AttentionPlan } from './attentionPlan.js';

/** Addresses of q, k and v, or of their gradients. */
interface Parts {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** Rows of queries whose scores are in work at once hold at most so many elements. */
const ROW_ELEMENTS = 131_072;

/** Scratch memory and products for groups of `group` matrices. */
export class ScoreKernels {
  readonly #backend: NativeBackend;
  readonly #plan: AttentionPlan;
  readonly #mask: Float32Array | undefined;
  readonly #group: number;
  readonly #rows: number;
  readonly #scores: Float32Array;
  readonly #dScores: Float32Array | undefined;
  readonly #blocks: object[] = [];
  readonly #scratch: number[] = [];

  constructor(
    backend: NativeBackend,
    plan: AttentionPlan,
    mask: tf.Tensor | undefined,
    group: number,
    forGradient: boolean,
  ) {
    this.#backend = backend;
    this.#plan = plan;
    this.#mask = mask && (backend.strataView(mask.dataId) as Float32Array);
    this.#group = group;
    // Several matrices are worked on whole; a single large one by blocks of queries.
    const most = Math.max(1, Math.floor(ROW_ELEMENTS / plan.keys));
    this.#rows = group > 1 ? plan.queries : Math.min(plan.queries, most);
    const size = group * this.#rows * plan.keys;
    this.#scores = this.#allocate(size);
    if (forGradient) this.#dScores = this.#allocate(size);
  }

  /** First byte of scratch block `slot`, large enough for any operand of a group. */
  scratch(slot: number): number {
    const { queries, keys, width, valueWidth } = this.#plan;
    this.#scratch[slot] ??= this.#allocate(
      this.#group * Math.max(queries, keys) * Math.max(width, valueWidth),
    ).byteOffset;
    return this.#scratch[slot];
  }

  /** Visits the groups: first matrix, and how many. */
  forGroups(visit: (first: number, count: number) => void): void {
    const { matrices } = this.#plan;
    for (let first = 0; first < matrices; first += this.#group) visit(first, Math.min(this.#group, matrices - first));
  }

  /** Visits blocks of queries: first row, and how many. */
  forRows(visit: (row: number, rows: number) => void): void {
    const { queries } = this.#plan;
    for (let row = 0; row < queries; row += this.#rows) visit(row, Math.min(this.#rows, queries - row));
  }

  /** Computes the softmax of the scores of some queries into the scratch block. */
  scores(q: number, k: number, first: number, count: number, row: number, rows: number): void {
    const { keys, width, scale, causal, mask } = this.#plan;
    const at = this.#scores.byteOffset;
    const from = q + 4 * row * width;
    this.#multiply('NT', from, [count, rows, width], k, [count, keys, width], at, [count, rows, keys]);
    for (let i = 0; i < count; i++) {
      const part = this.#scores.subarray(i * rows * keys, (i + 1) * rows * keys);
      let added: Float32Array | undefined;
      if (this.#mask && mask) {
        const start = mask.starts[first + i]! + row * mask.rowStep;
        added = this.#mask.subarray(start, start + (mask.rowStep === 0 ? keys : rows * keys));
      }
      maskedSoftmaxInto(part, keys, part, {
        scale,
        ...(causal ? { valid: row + 1, step: 1 } : {}),
        ...(added ? { mask: added } : {}),
      });
    }
  }

  /** out = softmax · v for the queries of the last {@link scores}. */
  weigh(v: number, out: number, count: number, row: number, rows: number): void {
    const { keys, valueWidth } = this.#plan;
    const to = out + 4 * row * valueWidth;
    const shape = [count, rows, valueWidth];
    this.#multiply('NN', this.#scores.byteOffset, [count, rows, keys], v, [count, keys, valueWidth], to, shape);
  }

  /** Gradients for the queries of the last {@link scores}; those of k and v are sums over all blocks of queries. */
  gradients(x: Parts & { readonly d: number }, to: Parts, count: number, row: number, rows: number): void {
    const { keys, width, valueWidth, scale } = this.#plan;
    const shares = this.#scores.byteOffset;
    const dScores = this.#dScores!.byteOffset;
    const square = [count, rows, keys];
    const d = x.d + 4 * row * valueWidth;
    const q = x.q + 4 * row * width;
    const shapeD = [count, rows, valueWidth];
    const shapeQ = [count, rows, width];
    this.#accumulate(row, to.v, count * keys * valueWidth, (out) =>
      this.#multiply('TN', shares, square, d, shapeD, out, [count, keys, valueWidth]),
    );
    this.#multiply('NT', d, shapeD, x.v, [count, keys, valueWidth], dScores, square);
    const size = count * rows * keys;
    const part = this.#dScores!.subarray(0, size);
    // Shares that do not count are 0, and so are their gradients.
    maskedSoftmaxGradientInto(this.#scores.subarray(0, size), part, keys, part, { scale });
    this.#multiply('NN', dScores, square, x.k, [count, keys, width], to.q + 4 * row * width, shapeQ);
    this.#accumulate(row, to.k, count * keys * width, (out) =>
      this.#multiply('TN', dScores, square, q, shapeQ, out, [count, keys, width]),
    );
  }

  /** Frees the scratch memory. */
  dispose(): void {
    for (const dataId of this.#blocks) this.#backend.disposeData(dataId);
  }

  /** The first block of queries writes its sum, the others add theirs. */
  #accumulate(row: number, to: number, size: number, compute: (out: number) => void): void {
    if (row === 0) {
      compute(to);
      return;
    }
    const part = this.scratch(7);
    compute(part);
    this.#backend.simd.rows.add.both(to, part, to, 1, size, 0, 0, 0);
  }

  #multiply(
    form: 'NN' | 'NT' | 'TN',
    a: number,
    aShape: readonly number[],
    b: number,
    bShape: readonly number[],
    out: number,
    outShape: readonly number[],
  ): void {
    this.#backend.operators
      .get(`attention ${form}`, () => GRAPHS[form], true)
      .input(0, a, aShape)
      .input(1, b, bShape)
      .run(out, outShape);
  }

  #allocate(size: number): Float32Array {
    const { dataId, values } = this.#backend.allocate('attention', size, 'float32');
    this.#blocks.push(dataId);
    return values;
  }
}

const graph = (transA: number, transB: number): OnnxGraph => ({
  inputs: { a: 'float32', b: 'float32' },
  outputs: { y: 'float32' },
  nodes: [
    { op: 'FusedMatMul', domain: 'com.microsoft', inputs: ['a', 'b'], outputs: ['y'], attributes: { transA, transB } },
  ],
});
const GRAPHS = { NN: graph(0, 0), NT: graph(0, 1), TN: graph(1, 0) };
