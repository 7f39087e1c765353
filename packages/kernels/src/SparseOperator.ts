/** A sparse matrix prepared for products: checked once, kept in the kernel memory, its transpose cached. */
import { type Csr, checkCsr, permuted, transposeCsr } from './csr.js';
import { ShapeError } from './errors.js';
import type { KernelMemory } from './kernelMemory.js';
import { PlacedCsr } from './PlacedCsr.js';
import { Residence, SparseStructure } from './Residence.js';

const abandoned = new FinalizationRegistry<Residence | PlacedCsr>((held) => held.release());

/** Addresses of an operator's arrays in a kernel memory. */
export interface OperatorAddresses {
  readonly indptr: number;
  readonly indices: number;
  /** 0 if all values are 1. */
  readonly values: number;
}

/**
 * A CSR matrix prepared for {@link spmm}.
 *
 * The constructor checks the arrays (O(rows + nnz)) and keeps references: they must not change afterwards, and may lie
 * over a SharedArrayBuffer. The first product copies them into the kernel memory (8 bytes per entry, 4 more with
 * values), where they stay until {@link dispose}, or until the operator is garbage.
 *
 * @example
 * const op = new SparseOperator({ rows: 1, cols: 2, indptr: Int32Array.of(0, 2), indices: Int32Array.of(0, 1) });
 * op.transposed().rows; // => 2
 */
export class SparseOperator {
  /** Number of rows. */
  readonly rows: number;
  /** Number of columns. */
  readonly cols: number;
  /** Number of stored entries. */
  readonly nnz: number;
  readonly #held: Residence | PlacedCsr;
  #csr: Csr | undefined;
  #structure: SparseStructure | undefined;
  #transposed: SparseOperator | undefined;

  /** @throws {@link OptionError} or {@link ShapeError} if the arrays do not fit together. */
  constructor(csr: Csr);
  /** @internal */
  constructor(csr: Csr, structure: SparseStructure);
  /** @internal */
  constructor(size: Pick<Csr, 'rows' | 'cols'>, placed: PlacedCsr);
  constructor(csr: Csr | Pick<Csr, 'rows' | 'cols'>, made?: SparseStructure | PlacedCsr) {
    this.rows = csr.rows;
    this.cols = csr.cols;
    if (made instanceof PlacedCsr) {
      this.#held = made;
      this.nnz = made.nnz;
    } else {
      const matrix = csr as Csr; // the two overloads without `placed` ask for one
      if (!made) checkCsr('SparseOperator', matrix);
      this.#csr = matrix;
      this.nnz = matrix.indices.length;
      this.#structure = made ?? new SparseStructure(matrix.indptr, matrix.indices);
      this.#held = new Residence(this.#structure, matrix.values);
    }
    abandoned.register(this, this.#held);
  }

  /** What a kernel wrote into its memory, as a matrix. @internal */
  static placed(rows: number, cols: number, placed: PlacedCsr): SparseOperator {
    return new SparseOperator({ rows, cols }, placed);
  }

  /** The matrix; copied out of the kernel memory at the first call if it was made there. */
  get csr(): Csr {
    if (!this.#csr) {
      const { rows, cols } = this;
      this.#csr = { rows, cols, ...(this.#held as PlacedCsr).arrays() };
    }
    return this.#csr;
  }

  /** True if it was made by a kernel, for a few products: transposing it would cost more than it saves. @internal */
  get isPassing(): boolean {
    return this.#structure === undefined;
  }

  /**
   * The transpose; built at the first call, in O(rows + cols + nnz), then kept. Operators that share their structure
   * share the transpose's too. Entries of a row are in ascending order of the original row. Freed with this operator.
   */
  transposed(): SparseOperator {
    if (this.#transposed) return this.#transposed;
    const structure = this.#shared();
    structure.transposed ??= transposedStructure(this.csr);
    const { permutation, indptr, indices, shared } = structure.transposed;
    const { rows, cols, values } = this.csr;
    const csr = { rows: cols, cols: rows, indptr, indices };
    this.#transposed = new SparseOperator(values ? { ...csr, values: permuted(values, permutation) } : csr, shared);
    return this.#transposed;
  }

  /**
   * The same structure with other values, float32 `[nnz]`: cheap, nothing of the structure is checked, copied or
   * transposed again. The new operator has its own lifetime.
   *
   * @throws {@link ShapeError} if there are not as many values as entries.
   */
  withValues(values: Float32Array): SparseOperator {
    if (values.length !== this.nnz) {
      throw new ShapeError('SparseOperator.withValues', 'values', [values.length], `[nnz] = [${this.nnz}]`);
    }
    return new SparseOperator({ ...this.csr, values }, this.#shared());
  }

  /**
   * Frees the kernel memory of this operator and its transpose. A later product takes it again, but what a kernel made
   * there, such as {@link dropoutSparse}, is gone.
   */
  dispose(): void {
    this.#held.release();
    this.#transposed?.dispose();
  }

  #shared(): SparseStructure {
    this.#structure ??= new SparseStructure(this.csr.indptr, this.csr.indices);
    return this.#structure;
  }

  /** Where the arrays are in `space`; copies them there if need be. @internal */
  addresses(space: KernelMemory): OperatorAddresses {
    return this.#held.ensure(space);
  }
}

function transposedStructure({ rows, cols, ...original }: Csr): NonNullable<SparseStructure['transposed']> {
  // Without the values: each operator permutes its own.
  const structure = { rows, cols, indptr: original.indptr, indices: original.indices };
  const { indptr, indices, permutation } = transposeCsr(structure);
  return { indptr, indices, permutation, shared: new SparseStructure(indptr, indices) };
}
