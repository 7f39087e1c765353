/** Which vertices each partition gathers from each other one: one block per reading partition. */
import { alignedBytes, BlockFile, DataError, type StorageDevice, sharedUint32 } from '@strata-ml/core';
import { type GraphStoreMeta, storeFiles } from './meta.js';

/** All boundaries of a graph. */
export interface BoundaryTable {
  /** Bnd(p, q), ascending local ids inside q. */
  list(p: number, q: number): Uint32Array;
  /** Dep(p), ascending. */
  readonly dependencies: readonly (readonly number[])[];
}

/** A block is the P lengths, then the lists by owner; uint32. */
export function boundaryBlockBytes(parts: number, entries: number): number {
  return 4 * (parts + entries);
}

/** Reads all boundaries; they stay in memory. @throws {@link DataError} if lengths contradict `meta`. */
export async function boundaryTable(device: StorageDevice, meta: GraphStoreMeta): Promise<BoundaryTable> {
  const { parts, offsets, expandedRows } = meta;
  const file = BlockFile.open(device, storeFiles.boundary);
  try {
    const blocks: Uint32Array[] = [];
    const starts: Uint32Array[] = [];
    const dependencies: number[][] = [];
    const memory = alignedBytes(Math.max(...Array.from({ length: parts }, (_, p) => file.paddedBytes(p))));
    for (let p = 0; p < parts; p++) {
      const padded = file.paddedBytes(p);
      await file.read(p, memory.subarray(0, padded), 'boundary').done();
      const block = sharedUint32(file.blockBytes[p]! / 4);
      block.set(new Uint32Array(memory.buffer, 0, block.length));
      const start = new Uint32Array(parts + 1);
      start[0] = parts;
      for (let q = 0; q < parts; q++) start[q + 1] = start[q]! + block[q]!;
      const expected = parts + expandedRows[p]! - (offsets[p + 1]! - offsets[p]!);
      if (start[parts] !== expected || block.length !== expected) {
        throw new DataError(`${device.folder}: boundary of partition ${p} contradicts meta.json; prepare it again`);
      }
      blocks.push(block);
      starts.push(start);
      dependencies.push(Array.from({ length: parts }, (_, q) => q).filter((q) => q === p || block[q]! > 0));
    }
    return { list: (p, q) => blocks[p]!.subarray(starts[p]![q]!, starts[p]![q + 1]!), dependencies };
  } finally {
    file.close();
  }
}
