/** Sparse feature rows: chosen from a matrix, or collected from dense rows that arrive in pieces. */
import { type Csr, SparseOperator } from '@strata-ml/kernels';

/** Rows of a sparse matrix with values. */
export class SparseRows {
  readonly csr: Csr & { readonly values: Float32Array };

  constructor(csr: Csr & { readonly values: Float32Array }) {
    this.csr = csr;
  }

  /** Rows `ids` of `source`, in that order. */
  static select(source: Csr, ids: Int32Array): SparseRows {
    const indptr = new Int32Array(ids.length + 1);
    for (let row = 0; row < ids.length; row++) {
      const id = ids[row]!;
      indptr[row + 1] = indptr[row]! + source.indptr[id + 1]! - source.indptr[id]!;
    }
    const indices = new Int32Array(indptr[ids.length]!);
    const values = new Float32Array(indices.length).fill(1);
    for (let row = 0; row < ids.length; row++) {
      const begin = source.indptr[ids[row]!]!;
      const end = source.indptr[ids[row]! + 1]!;
      indices.set(source.indices.subarray(begin, end), indptr[row]!);
      if (source.values) values.set(source.values.subarray(begin, end), indptr[row]!);
    }
    return new SparseRows({ rows: ids.length, cols: source.cols, indptr, indices, values });
  }

  /** Rows `order` of `a` and `b` one above the other. */
  static join(a: SparseRows, b: SparseRows, order: Int32Array): SparseRows {
    const parts = [a.csr, b.csr];
    const shift = a.csr.indices.length;
    const indptr = Int32Array.from([...a.csr.indptr, ...b.csr.indptr.subarray(1).map((p) => p + shift)]);
    const indices = new Int32Array(shift + b.csr.indices.length);
    const values = new Float32Array(indices.length);
    parts.forEach((csr, i) => {
      indices.set(csr.indices, i * shift);
      values.set(csr.values, i * shift);
    });
    return SparseRows.select({ rows: a.csr.rows + b.csr.rows, cols: a.csr.cols, indptr, indices, values }, order);
  }

  /** Prepared for products. */
  operator(): SparseOperator {
    return new SparseOperator(this.csr);
  }

  /** True if structure and values are the same. */
  equals(other: SparseRows): boolean {
    const a = this.csr;
    const b = other.csr;
    return sameArray(a.indptr, b.indptr) && sameArray(a.indices, b.indices) && sameArray(a.values, b.values);
  }

  /** Collects rows from dense pieces; pieces of different rows may come in any order. */
  static readonly Builder = class Builder {
    readonly #width: number;
    readonly #rows: ({ indices: Int32Array; values: Float32Array } | undefined)[];

    constructor(rows: number, width: number) {
      this.#width = width;
      this.#rows = new Array(rows);
    }

    /** Takes dense rows `[k, width]` as rows `first … first + k − 1`. */
    setRows(first: number, dense: Float32Array): void {
      const width = this.#width;
      const count = dense.length / width;
      for (let r = 0; r < count; r++) {
        const indices: number[] = [];
        const base = r * width;
        for (let c = 0; c < width; c++) if (dense[base + c] !== 0) indices.push(c);
        this.#rows[first + r] = {
          indices: Int32Array.from(indices),
          values: Float32Array.from(indices, (c) => dense[base + c]!),
        };
      }
    }

    build(): SparseRows {
      const rows = this.#rows.length;
      const indptr = new Int32Array(rows + 1);
      for (let r = 0; r < rows; r++) indptr[r + 1] = indptr[r]! + (this.#rows[r]?.indices.length ?? 0);
      const indices = new Int32Array(indptr[rows]!);
      const values = new Float32Array(indices.length);
      for (let r = 0; r < rows; r++) {
        const row = this.#rows[r];
        if (!row) continue;
        indices.set(row.indices, indptr[r]!);
        values.set(row.values, indptr[r]!);
      }
      return new SparseRows({ rows, cols: this.#width, indptr, indices, values });
    }
  };
}

function sameArray(a: Int32Array | Float32Array, b: Int32Array | Float32Array): boolean {
  return (
    a.length === b.length &&
    Buffer.from(a.buffer, a.byteOffset, a.byteLength).equals(Buffer.from(b.buffer, b.byteOffset, b.byteLength))
  );
}
