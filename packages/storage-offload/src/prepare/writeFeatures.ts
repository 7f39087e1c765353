/** Input features as one block per partition. */
import { AbortedError, alignedBytes, BlockFile, NonFiniteError, type StorageDevice } from '@strata-ml/core';
import { storeFiles } from '../store/meta.js';
import type { FeatureRows } from './FeatureRows.js';
import type { VertexOrder } from './VertexOrder.js';

/**
 * Writes the file, committed; one partition is in memory at a time.
 *
 * @throws {@link NonFiniteError} naming the first bad value by its place `vertex · columns + column` in the source.
 */
export async function writeFeatures(
  device: StorageDevice,
  features: FeatureRows,
  { order, offsets }: VertexOrder,
  signal: AbortSignal | undefined,
  onPartition: (done: number) => void,
): Promise<void> {
  const { columns } = features;
  const parts = offsets.length - 1;
  const sizes = Array.from({ length: parts }, (_, p) => 4 * columns * (offsets[p + 1]! - offsets[p]!));
  const file = BlockFile.create(device, storeFiles.features, sizes);
  try {
    const memory = alignedBytes(Math.max(...sizes.map((_, p) => file.paddedBytes(p))));
    for (let p = 0; p < parts; p++) {
      if (signal?.aborted) throw new AbortedError('prepareGraph: aborted');
      const bytes = memory.subarray(0, file.paddedBytes(p));
      bytes.fill(0, sizes[p]!);
      const ids = order.subarray(offsets[p]!, offsets[p + 1]!);
      const rows = new Float32Array(bytes.buffer, 0, sizes[p]! / 4);
      await features.read(ids, rows);
      const bad = rows.findIndex((value) => !Number.isFinite(value));
      if (bad >= 0) {
        const place = ids[Math.floor(bad / columns)]! * columns + (bad % columns);
        throw new NonFiniteError('prepareGraph: features', place, rows[bad]!, 'clean the features first');
      }
      await file.write(p, bytes, 'features').done();
      onPartition(p + 1);
    }
    file.commit();
  } finally {
    file.close();
  }
}
