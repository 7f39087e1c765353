/** Which blocks of the kernel memory a sparse operator holds; kept apart from it so that they outlive it to be freed. */
import type { KernelMemory } from './kernelMemory.js';
import type { OperatorAddresses } from './SparseOperator.js';
import { copyIn } from './staging.js';

/** Row pointers and columns, shared by operators that differ in their values only. */
export class SparseStructure {
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  /** The transpose's structure, once someone asked for it. */
  transposed:
    | {
        readonly permutation: Int32Array;
        readonly indptr: Int32Array;
        readonly indices: Int32Array;
        readonly shared: SparseStructure;
      }
    | undefined;
  #users = 0;
  #indptrBlock: Block | undefined;
  #indicesBlock: Block | undefined;

  constructor(indptr: Int32Array, indices: Int32Array) {
    this.indptr = indptr;
    this.indices = indices;
  }

  /** One more operator needs the blocks. */
  hold(): void {
    this.#users++;
  }

  /** One operator fewer; the last one frees the blocks. */
  release(): void {
    if (--this.#users > 0) return;
    this.#indptrBlock = freed(this.#indptrBlock);
    this.#indicesBlock = freed(this.#indicesBlock);
  }

  /** Puts the arrays into `space` if they are not there. */
  ensure(space: KernelMemory): { readonly indptr: number; readonly indices: number } {
    this.#indptrBlock = resident(this.#indptrBlock, space, this.indptr);
    this.#indicesBlock = resident(this.#indicesBlock, space, this.indices);
    return { indptr: this.#indptrBlock.offset, indices: this.#indicesBlock.offset };
  }
}

/** What one operator holds: its share of a structure, and its values. */
export class Residence {
  readonly #structure: SparseStructure;
  readonly #values: Float32Array | undefined;
  #isHolding = false;
  #valuesBlock: Block | undefined;

  constructor(structure: SparseStructure, values: Float32Array | undefined) {
    this.#structure = structure;
    this.#values = values;
  }

  /** Puts all arrays into `space` if they are not there; gives their addresses. */
  ensure(space: KernelMemory): OperatorAddresses {
    if (!this.#isHolding) {
      this.#isHolding = true;
      this.#structure.hold();
    }
    const { indptr, indices } = this.#structure.ensure(space);
    if (this.#values) this.#valuesBlock = resident(this.#valuesBlock, space, this.#values);
    return { indptr, indices, values: this.#valuesBlock?.offset ?? 0 };
  }

  /** Frees the values, and the structure if no other operator needs it. May be called again. */
  release(): void {
    this.#valuesBlock = freed(this.#valuesBlock);
    if (!this.#isHolding) return;
    this.#isHolding = false;
    this.#structure.release();
  }
}

interface Block {
  readonly space: KernelMemory;
  readonly offset: number;
}

/** The block if it lies in the memory of `space`; else a new one there, and the old one is freed. */
function resident(block: Block | undefined, space: KernelMemory, array: Float32Array | Int32Array): Block {
  // A backend that is made again may offer the same memory through another object.
  if (block?.space.memory === space.memory) return block;
  const offset = space.alloc(array.byteLength);
  copyIn(space, array, offset);
  freed(block);
  return { space, offset };
}

function freed(block: Block | undefined): undefined {
  block?.space.free(block.offset);
  return undefined;
}
