/** Brings arrays before a kernel and back: in place where they live in the kernel memory, else through a copy. */
import type { KernelMemory } from './kernelMemory.js';

/** Array types that kernels read. */
export type StagedArray = Float32Array | Int32Array | Uint32Array;

/** The array's own address if kernels can work on it where it is. Ask before any `alloc`: growing detaches views. */
export function placeOf(space: KernelMemory, array: ArrayBufferView): number | undefined {
  return array.buffer === space.memory.buffer ? array.byteOffset : undefined;
}

/** Runs `work` with a scratch block that is freed afterwards, whatever happens. */
export function withScratch<T>(space: KernelMemory, bytes: number, work: (offset: number) => T): T {
  const offset = space.alloc(bytes);
  try {
    return work(offset);
  } finally {
    space.free(offset);
  }
}

/** Runs `work` with the address of the array's contents: `place`, or a scratch copy if that is undefined. */
export function withInput<T>(
  space: KernelMemory,
  array: StagedArray,
  place: number | undefined,
  work: (offset: number) => T,
): T {
  if (place !== undefined) return work(place);
  return withScratch(space, array.byteLength, (offset) => {
    copyIn(space, array, offset);
    return work(offset);
  });
}

/** Writes the array at a byte offset of the kernel memory. */
export function copyIn(space: KernelMemory, array: StagedArray, offset: number): void {
  new Int32Array(space.memory.buffer, offset, array.length).set(bits(array));
}

/** Fills the array from a byte offset of the kernel memory. */
export function copyOut(space: KernelMemory, offset: number, array: StagedArray): void {
  bits(array).set(new Int32Array(space.memory.buffer, offset, array.length));
}

/** The same bytes as integers: copies keep every bit of a NaN. */
function bits(array: StagedArray): Int32Array {
  return array instanceof Int32Array ? array : new Int32Array(array.buffer, array.byteOffset, array.length);
}

/**
 * Runs `work` with the addresses of `inputs`, then of `outputs`: their own where they live in the kernel memory, else of
 * copies; outputs are copied back, and start undefined.
 */
export function withArrays(
  space: KernelMemory,
  inputs: readonly StagedArray[],
  outputs: readonly StagedArray[],
  work: (...addresses: number[]) => void,
): void {
  const arrays = [...inputs, ...outputs];
  const places = arrays.map((array) => placeOf(space, array));
  const blocks: number[] = [];
  try {
    const addresses = arrays.map((array, i) => {
      const place = places[i];
      if (place !== undefined) return place;
      const block = space.alloc(array.byteLength);
      blocks.push(block);
      if (i < inputs.length) copyIn(space, array, block);
      return block;
    });
    work(...addresses);
    for (let i = inputs.length; i < arrays.length; i++) {
      if (places[i] === undefined) copyOut(space, addresses[i]!, arrays[i]!);
    }
  } finally {
    for (const block of blocks) space.free(block);
  }
}
