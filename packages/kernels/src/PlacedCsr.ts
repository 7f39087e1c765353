/** A sparse matrix that a kernel wrote into the kernel memory: its arrays are copied out only if someone asks. */
import { StrataError } from './errors.js';
import type { KernelMemory } from './kernelMemory.js';
import type { OperatorAddresses } from './SparseOperator.js';
import { copyIn, copyOut } from './staging.js';

/** Row pointers, columns and values in one block. */
export class PlacedCsr {
  /** Entries stored; the block may have room for more. */
  nnz: number;
  readonly #rows: number;
  readonly #capacity: number;
  #space: KernelMemory;
  #offset: number | undefined;

  private constructor(space: KernelMemory, rows: number, capacity: number, offset: number) {
    this.#space = space;
    this.#rows = rows;
    this.#capacity = capacity;
    this.#offset = offset;
    this.nnz = capacity;
  }

  /** Takes a block with room for `capacity` entries, and one more that kernels may scribble on. */
  static reserve(space: KernelMemory, rows: number, capacity: number): PlacedCsr {
    return new PlacedCsr(space, rows, capacity, space.alloc(bytesOf(rows, capacity)));
  }

  /** Where the arrays are. */
  get addresses(): OperatorAddresses {
    const indptr = this.#offset;
    if (indptr === undefined) {
      throw new StrataError(
        'ERR_STRATA_DISPOSED',
        'SparseOperator: a matrix that a kernel made must be used before its dispose, got a use after it; make it again',
      );
    }
    const indices = indptr + pointerBytes(this.#rows);
    return { indptr, indices, values: indices + entryBytes(this.#capacity) };
  }

  /** Moves to another memory if need be. */
  ensure(space: KernelMemory): OperatorAddresses {
    // A backend that is made again may offer the same memory through another object.
    if (this.#offset === undefined || space.memory === this.#space.memory) return this.addresses;
    const bytes = bytesOf(this.#rows, this.#capacity);
    const whole = new Int32Array(bytes / 4);
    copyOut(this.#space, this.#offset, whole);
    const offset = space.alloc(bytes);
    copyIn(space, whole, offset);
    this.#space.free(this.#offset);
    this.#space = space;
    this.#offset = offset;
    return this.addresses;
  }

  /** Copies of the arrays. */
  arrays(): { readonly indptr: Int32Array; readonly indices: Int32Array; readonly values: Float32Array } {
    const { addresses, nnz } = this;
    const indptr = new Int32Array(this.#rows + 1);
    const indices = new Int32Array(nnz);
    const values = new Float32Array(nnz);
    copyOut(this.#space, addresses.indptr, indptr);
    copyOut(this.#space, addresses.indices, indices);
    copyOut(this.#space, addresses.values, values);
    return { indptr, indices, values };
  }

  /** Frees the block. May be called again. */
  release(): void {
    if (this.#offset !== undefined) this.#space.free(this.#offset);
    this.#offset = undefined;
  }
}

/** Whole cache lines, so that each array starts on one. */
const pointerBytes = (rows: number): number => Math.ceil((4 * (rows + 1)) / 64) * 64;
const entryBytes = (entries: number): number => Math.ceil((4 * (entries + 1)) / 64) * 64;
const bytesOf = (rows: number, entries: number): number => pointerBytes(rows) + 2 * entryBytes(entries);
