/** Opens a prepared graph. */
import { DataError, StorageDevice, type StorageDeviceOptions } from '@strata-ml/core';
import { GraphStore } from './GraphStore.js';
import { readMeta } from './meta.js';

/** Options of {@link openGraphStore}: those of the drive's threads. */
export interface OpenStoreOptions extends Omit<StorageDeviceOptions, 'chunkBytes'> {
  /** A device already open on this very folder; the caller closes it. @defaultValue one of the store's own */
  readonly device?: StorageDevice;
}

/**
 * Opens a folder that `prepareGraph` made and reads what stays in memory: boundaries, labels, masks, names.
 *
 * Reading needs no lock; a run that writes into the folder takes a `FolderLock` first.
 *
 * @throws `OptionError` if the folder holds no prepared graph.
 * @throws {@link DataError} if `meta.json` is damaged or of another version, or a file is cut off.
 * @throws `StorageError` if a block that was read is damaged.
 */
export async function openGraphStore(folder: string, options: OpenStoreOptions = {}): Promise<GraphStore> {
  const { device: given, ...deviceOptions } = options;
  const meta = await readMeta(folder);
  if (given && given.chunkBytes !== meta.blockSize) {
    throw new DataError(
      `openGraphStore: ${folder} has checksums over ${meta.blockSize} bytes, the device reads ${given.chunkBytes} at a time; open it with chunkBytes ${meta.blockSize}`,
    );
  }
  const device = given ?? (await StorageDevice.open(folder, { ...deviceOptions, chunkBytes: meta.blockSize }));
  try {
    return await GraphStore.load(folder, meta, device, given === undefined);
  } catch (error) {
    if (!given) await device.close();
    throw error;
  }
}
