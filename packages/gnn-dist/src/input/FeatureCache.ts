/** Feature rows of other devices' vertices, fetched once and kept. */
import { readTensor, SparseOperator, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { FeatureRows } from './featureRows.js';
import { SparseRows } from './sparseRows.js';

/** A cache that never changes. */
export class FeatureCache {
  readonly #rows: FeatureRows;
  readonly #rowOf: ReadonlyMap<number, number>;

  /** @param rows - features of `vertices`; disposed with this object */
  constructor(rows: FeatureRows, vertices: Int32Array) {
    this.#rows = rows;
    this.#rowOf = new Map(Array.from(vertices, (v, row) => [v, row]));
  }

  has(vertex: number): boolean {
    return this.#rowOf.has(vertex);
  }

  /** Rows of `vertices`, in that order: those that are not here from `others`, which has them in order and is freed. */
  complete(others: FeatureRows, vertices: Int32Array): FeatureRows {
    const cached = this.#rows;
    const here = Int32Array.from(
      vertices.filter((v) => this.has(v)),
      (v) => this.#rowOf.get(v)!,
    );
    if (here.length === 0) return others;
    let nextHere = vertices.length - here.length;
    let nextOther = 0;
    // Others above cached ones.
    const order = vertices.map((v) => (this.has(v) ? nextHere++ : nextOther++));
    const all =
      cached instanceof SparseOperator || others instanceof SparseOperator
        ? joinSparse(others as SparseOperator, cached as SparseOperator, here, order)
        : joinDense(others, cached, here, order);
    others.dispose();
    return all;
  }

  /** Frees the rows. */
  dispose(): void {
    this.#rows.dispose();
  }
}

function joinSparse(
  others: SparseOperator,
  cached: SparseOperator,
  here: Int32Array,
  order: Int32Array,
): SparseOperator {
  const every = Int32Array.from({ length: others.rows }, (_, row) => row);
  return SparseRows.join(SparseRows.select(others.csr, every), SparseRows.select(cached.csr, here), order).operator();
}

function joinDense(others: tf.Tensor2D, cached: tf.Tensor2D, here: Int32Array, order: Int32Array): tf.Tensor2D {
  const [count, width] = others.shape;
  return tf.keep(
    tensorFrom([order.length, width], (out) => {
      const [a, b] = [readTensor(others), readTensor(cached)];
      order.forEach((from, row) => {
        const [values, at] = from < count ? [a, from * width] : [b, here[from - count]! * width];
        out.set(values.subarray(at, at + width), row * width);
      });
    }) as tf.Tensor2D,
  );
}
