/** A sparse matrix prepared for products: checked once, kept in the kernel memory, its transpose cached. */
import { type Csr, checkCsr, permuted, transposeCsr } from './csr.js';
import { ShapeError } from './errors.js';
import type { KernelMemory } from './kernelMemory.js';
import { Residence, SparseStructure } from './Residence.js';

const abandoned = new FinalizationRegistry<Residence>((residence) => residence.release());

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
  /** The matrix. */
  readonly csr: Csr;
  readonly #structure: SparseStructure;
  readonly #residence: Residence;
  #transposed: SparseOperator | undefined;

  /** @throws {@link OptionError} or {@link ShapeError} if the arrays do not fit together. */
  constructor(csr: Csr);
  /** @internal */
  constructor(csr: Csr, structure: SparseStructure);
  constructor(csr: Csr, structure?: SparseStructure) {
    if (!structure) checkCsr('SparseOperator', csr);
    this.csr = csr;
    this.#structure = structure ?? new SparseStructure(csr.indptr, csr.indices);
    this.#residence = new Residence(this.#structure, csr.values);
    abandoned.register(this, this.#residence);
  }

  /** Number of rows. */
  get rows(): number {
    return this.csr.rows;
  }

  /** Number of columns. */
  get cols(): number {
    return this.csr.cols;
  }

  /** Number of stored entries. */
  get nnz(): number {
    return this.csr.indices.length;
  }

  /**
   * The transpose; built at the first call, in O(rows + cols + nnz), then kept. Operators that share their structure
   * share the transpose's too. Entries of a row are in ascending order of the original row. Freed with this operator.
   */
  transposed(): SparseOperator {
    if (this.#transposed) return this.#transposed;
    const structure = this.#structure;
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
    return new SparseOperator({ ...this.csr, values }, this.#structure);
  }

  /** Frees the kernel memory of this operator and its transpose. A later product takes it again. */
  dispose(): void {
    this.#residence.release();
    this.#transposed?.dispose();
  }

  /** Where the arrays are in `space`; copies them there if need be. @internal */
  addresses(space: KernelMemory): OperatorAddresses {
    return this.#residence.ensure(space);
  }
}

function transposedStructure({ rows, cols, ...original }: Csr): NonNullable<SparseStructure['transposed']> {
  // Without the values: each operator permutes its own.
  const structure = { rows, cols, indptr: original.indptr, indices: original.indices };
  const { indptr, indices, permutation } = transposeCsr(structure);
  return { indptr, indices, permutation, shared: new SparseStructure(indptr, indices) };
}
