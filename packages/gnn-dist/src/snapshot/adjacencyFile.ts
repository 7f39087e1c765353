/** A graph as a block file: block 0 holds the row pointers, the others the neighbours, 4 MiB each. */
import { alignedBytes, BlockFile, DataError, type StorageDevice } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { SEGMENT_BYTES } from './pages.js';

const SEGMENT_ENTRIES = SEGMENT_BYTES / 4;

/** Writes `graph` block by block; one block is in memory at a time. The file has its name when all of it is there. */
export function writeAdjacency(device: StorageDevice, name: string, { indptr, indices }: CsrGraph): void {
  const segments = Math.ceil(indices.length / SEGMENT_ENTRIES);
  const segmentEntries = (i: number) => Math.min(SEGMENT_ENTRIES, indices.length - i * SEGMENT_ENTRIES);
  const sizes = [8 * indptr.length, ...Array.from({ length: segments }, (_, i) => 4 * segmentEntries(i))];
  const file = BlockFile.create(device, name, sizes);
  try {
    const head = alignedBytes(file.paddedBytes(0));
    new Float64Array(head.buffer).set(indptr);
    file.write(0, head, 'adjacency').wait();
    const buffer = alignedBytes(SEGMENT_BYTES);
    for (let i = 0; i < segments; i++) {
      const begin = i * SEGMENT_ENTRIES;
      new Int32Array(buffer.buffer).set(indices.subarray(begin, begin + segmentEntries(i)));
      file.write(i + 1, buffer.subarray(0, file.paddedBytes(i + 1)), 'adjacency').wait();
    }
    file.commit();
  } finally {
    file.close();
  }
}

/**
 * Opens an adjacency file and reads its row pointers.
 *
 * @returns the file and the first edge of each row, float64 `[n + 1]`
 * @throws {@link DataError} if the row pointers do not fit the neighbours.
 */
export function openAdjacency(device: StorageDevice, name: string): { file: BlockFile; offsets: Float64Array } {
  const file = BlockFile.open(device, name);
  try {
    const head = alignedBytes(file.paddedBytes(0));
    file.read(0, head, 'row pointers').wait();
    const offsets = new Float64Array(head.buffer, 0, file.blockBytes[0]! / 8).slice();
    const entries = file.blockBytes.subarray(1).reduce((sum, bytes) => sum + bytes / 4, 0);
    const isSound = offsets[0] === 0 && offsets.every((edge, v) => v === 0 || edge >= offsets[v - 1]!);
    if (!isSound || offsets.at(-1) !== entries) {
      throw new DataError(`${name}: row pointers must ascend from 0 to ${entries}; this is no adjacency file`);
    }
    return { file, offsets };
  } catch (error) {
    file.close();
    throw error;
  }
}
