/** The memory of one device: one WebAssembly.Memory of fixed size, and who uses which part of it. */

import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { type KernelMemory, OutOfDeviceMemoryError } from '@strata-ml/kernels';
import { createSimdLoops, type SimdLoops } from '../simd/loops.js';
import { type WasmMemory, wasm } from '../webAssembly.js';
import { ALIGNMENT_BYTES, BlockAllocator } from './BlockAllocator.js';

const PAGE_BYTES = 65536;
/** A 32-bit module addresses 4 GiB; the first page stays unused so that no block lies at address 0. */
export const MAX_BUDGET_BYTES = 65535 * PAGE_BYTES;

/** Half of what this process may use, at most 4 GiB − 64 KiB. Untouched pages cost nothing. */
export function defaultBudgetBytes(): number {
  const limit = constrainedMemory() ?? 0;
  const available = limit > 0 ? Math.min(limit, totalmem()) : totalmem();
  return Math.min(MAX_BUDGET_BYTES, Math.floor(available / 2 / PAGE_BYTES) * PAGE_BYTES);
}

/** Element types that live in the arena. */
export type ArenaArray = Float32Array | Int32Array | Uint8Array;

/**
 * A fixed budget of bytes.
 *
 * Blocks are 64-byte-aligned views into {@link memory}, which never grows, so a view stays valid until its block is
 * freed. The operating system commits a page when it is first written. Arrays outside (those that kernels inherited
 * from the cpu backend make) are counted by {@link reserveOutside}: the sum stays within the budget.
 */
export class DeviceArena {
  /** The bytes themselves; SIMD kernels import this memory and work in place. */
  readonly memory: WasmMemory;
  /** Most bytes that tensors of this device may use together. */
  readonly budgetBytes: number;

  /** The memory as the kernels package uses it: sparse matrices and scratch share the budget with tensors. */
  readonly forKernels: KernelMemory;
  /** SIMD loops over {@link memory}. */
  readonly loops: SimdLoops;
  /** Two numbers at the end of the unused first page, for scalar operands. */
  readonly slots: Float32Array;

  readonly #buffer: ArrayBuffer;
  readonly #blocks: BlockAllocator;
  // Blocks of the kernels package by their first byte; they outlive a backend.
  readonly #kernelBlocks = new Map<number, number>();
  #outsideBytes = 0;
  #peakBytes = 0;

  /** @param budgetBytes - up to {@link MAX_BUDGET_BYTES} */
  constructor(budgetBytes: number) {
    const pages = Math.ceil(budgetBytes / PAGE_BYTES) + 1;
    this.memory = new wasm.Memory({ initial: pages, maximum: pages });
    this.#buffer = this.memory.buffer;
    this.forKernels = {
      memory: this.memory,
      alloc: (bytes) => this.#allocateForKernels(bytes),
      free: (offset) => this.#freeForKernels(offset),
    };
    this.loops = createSimdLoops(this.memory);
    this.slots = new Float32Array(this.#buffer, PAGE_BYTES - ALIGNMENT_BYTES, 2);
    this.budgetBytes = budgetBytes;
    this.#blocks = new BlockAllocator(PAGE_BYTES, budgetBytes);
  }

  /** Bytes in use, arrays outside the arena included. */
  get currentBytes(): number {
    return this.#blocks.usedBytes + this.#outsideBytes;
  }

  /** Highest {@link currentBytes} since the start or the last {@link resetPeak}. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Largest block that an allocation could get now. */
  get largestFreeBytes(): number {
    return Math.max(0, Math.min(this.#blocks.largestFreeBytes(), this.budgetBytes - this.currentBytes));
  }

  /** Takes a block of at least `bytes`; its contents are whatever was there. Gives the block id. */
  allocate(bytes: number, op: string): number {
    const block = this.currentBytes + bytes > this.budgetBytes ? -1 : this.#blocks.allocate(bytes);
    if (block < 0) throw this.#outOfMemory(bytes, op);
    this.#notePeak();
    return block;
  }

  /** Gives a block back; views into it must not be used any more. */
  free(block: number): void {
    this.#blocks.free(block);
  }

  /** First byte of a block in {@link memory}. */
  offsetBytes(block: number): number {
    return this.#blocks.offsetBytes(block);
  }

  /** A view of `length` elements from the start of a block. */
  float32(block: number, length: number): Float32Array<ArrayBuffer> {
    return new Float32Array(this.#buffer, this.#blocks.offsetBytes(block), length);
  }

  /** A view of `length` elements from the start of a block. */
  int32(block: number, length: number): Int32Array<ArrayBuffer> {
    return new Int32Array(this.#buffer, this.#blocks.offsetBytes(block), length);
  }

  /** A view of `length` elements from the start of a block. */
  uint8(block: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#buffer, this.#blocks.offsetBytes(block), length);
  }

  /** Whether an array is a view into this arena. */
  owns(array: ArrayBufferView): boolean {
    return array.buffer === this.#buffer;
  }

  /** Counts an array that lives on the JavaScript heap against the budget. */
  reserveOutside(bytes: number, op: string): void {
    if (this.currentBytes + bytes > this.budgetBytes) throw this.#outOfMemory(bytes, op);
    this.#outsideBytes += bytes;
    this.#notePeak();
  }

  /** Undoes {@link reserveOutside}. */
  releaseOutside(bytes: number): void {
    this.#outsideBytes -= bytes;
  }

  #allocateForKernels(bytes: number): number {
    const block = this.allocate(bytes, 'kernels');
    const offset = this.offsetBytes(block);
    this.#kernelBlocks.set(offset, block);
    return offset;
  }

  #freeForKernels(offset: number): void {
    const block = this.#kernelBlocks.get(offset);
    if (block !== undefined && this.#kernelBlocks.delete(offset)) this.free(block);
  }

  /** Frees whatever tensors used; their backend is gone. */
  releaseTensors(): void {
    this.#blocks.freeAllExcept(new Set(this.#kernelBlocks.values()));
    this.#outsideBytes = 0;
    this.resetPeak();
  }

  /** Starts a new measurement of the peak. */
  resetPeak(): void {
    this.#peakBytes = this.currentBytes;
  }

  #notePeak(): void {
    const current = this.currentBytes;
    if (current > this.#peakBytes) this.#peakBytes = current;
  }

  #outOfMemory(askedBytes: number, op: string): OutOfDeviceMemoryError {
    return new OutOfDeviceMemoryError({
      op,
      askedBytes,
      freeBytes: Math.max(0, this.budgetBytes - this.currentBytes),
      largestFreeBytes: this.largestFreeBytes,
      budgetBytes: this.budgetBytes,
    });
  }
}

// One per thread stays for the next backend: reserving address space makes V8 collect garbage.
let spare: DeviceArena | undefined;

/** Gives an arena back whose backend is gone. */
export function returnArena(arena: DeviceArena): void {
  arena.releaseTensors();
  spare = arena;
}

/**
 * Reserves an arena of `budgetBytes`.
 *
 * @param exact - whether the user named the budget; otherwise, when the address space for it is refused, half of it is
 * tried, and so on down to 256 MiB
 */
export function reserveArena(budgetBytes: number, exact: boolean): DeviceArena {
  if (spare?.budgetBytes === budgetBytes) {
    const arena = spare;
    spare = undefined;
    return arena;
  }
  for (let bytes = budgetBytes; ; bytes = Math.floor(bytes / 2)) {
    try {
      return new DeviceArena(bytes);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      if (!exact && bytes >= 512 * 1024 * 1024) continue;
      const facts = { op: 'configureNative', askedBytes: bytes, freeBytes: 0, largestFreeBytes: 0, budgetBytes: bytes };
      throw new OutOfDeviceMemoryError(facts);
    }
  }
}
