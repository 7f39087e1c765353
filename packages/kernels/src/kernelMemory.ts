/** Where kernels work: the thread's current memory, by default its own, else that of a device. */
import { type KernelExports, kernelsOver } from './kernelModule.js';
import { OwnMemory } from './OwnMemory.js';
import type { WasmMemory } from './webAssembly.js';

/**
 * A memory in which kernels may work in place.
 *
 * Arrays over `memory.buffer` are used where they are; others are copied through blocks of `alloc`.
 */
export interface KernelMemory {
  /** What kernels address; at most 4 GiB. It may grow: kernels look at `buffer` afresh. */
  readonly memory: WasmMemory;
  /** First byte of a block, a multiple of 16 and not 0; its contents are undefined. Throws if it does not fit. */
  alloc(bytes: number): number;
  /** Gives a block of `alloc` back. */
  free(offset: number): void;
}

let own: OwnMemory | undefined;
let current: KernelMemory | undefined;

/**
 * Makes the kernels of this thread work in `space`; `null` returns to a growable memory of their own.
 *
 * A tensor backend calls it with the arena of its tensors, so that products and dropout run without a copy. Sparse
 * operators move by themselves at their next use.
 */
export function useKernelMemory(space: KernelMemory | null): void {
  current = space ?? undefined;
}

/** The memory in use, and the kernels over it. */
export function kernelSpace(): { readonly space: KernelMemory; readonly kernels: KernelExports } {
  own ??= current ? undefined : new OwnMemory();
  const space = current ?? (own as OwnMemory);
  return { space, kernels: kernelsOver(space.memory) };
}
