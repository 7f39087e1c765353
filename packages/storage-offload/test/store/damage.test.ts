import { cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, StorageError, StrataError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import {
  FolderInUseError,
  FolderLock,
  openGraphStore,
  prepareGraph,
  randomFeatures,
  verifyGraphStore,
} from '../../src/index.js';
import { exampleGraph, temporaryFolders } from '../support.js';

const fresh = temporaryFolders();

/** Opens and reads everything. */
async function readAll(folder: string): Promise<unknown> {
  const store = await openGraphStore(folder, { mode: 'buffered', workers: 1 });
  try {
    return await verifyGraphStore(store);
  } finally {
    await store.close();
  }
}

const flip = (path: string, byte: number) => {
  const bytes = readFileSync(path);
  bytes[byte]! ^= 4;
  writeFileSync(path, bytes);
};

describe('a prepared graph', () => {
  it('never passes off a damaged or truncated file as data: every file, flipped and cut', async () => {
    const whole = fresh();
    const graph = exampleGraph(6);
    await (
      await prepareGraph(
        { graph, features: randomFeatures(8) },
        { folder: whole, parts: 2, mode: 'buffered', workers: 1 },
      )
    ).close();
    expect(await readAll(whole)).toMatchObject({ partitions: 2 });
    const files = ['meta.json', 'topology.blocks', 'boundary.blocks', 'vertices.blocks', 'feat-0.blocks'];
    for (const file of files) {
      const { length } = readFileSync(join(whole, file));
      // In the header, and in the first block.
      const places = file === 'meta.json' ? [length - 40] : [9, 4096 + 3];
      for (const place of places) {
        const folder = fresh();
        cpSync(whole, folder, { recursive: true });
        flip(join(folder, file), place);
        await expect(readAll(folder), `${file} at ${place}`).rejects.toThrow(StrataError);
      }
      const folder = fresh();
      cpSync(whole, folder, { recursive: true });
      truncateSync(join(folder, file), length - 2);
      await expect(readAll(folder), file).rejects.toThrow(DataError);
    }
    const folder = fresh();
    cpSync(whole, folder, { recursive: true });
    flip(join(folder, 'feat-0.blocks'), 4096 + 3);
    await expect(readAll(folder)).rejects.toThrow(StorageError);
    await expect(readAll(folder)).rejects.toThrow('feat-0.blocks at byte 4096: block 0 is damaged');
  });
});

describe('FolderLock', () => {
  it('keeps a second run out until the first lets go', () => {
    const folder = fresh();
    mkdirSync(folder);
    const lock = FolderLock.acquire(folder);
    expect(() => FolderLock.acquire(folder)).toThrow(FolderInUseError);
    expect(() => FolderLock.acquire(folder)).toThrow(`in use by process ${process.pid}`);
    lock.release();
    lock.release();
    FolderLock.acquire(folder).release();
  });

  it('takes over what a dead process left, or wrote half', () => {
    const folder = fresh();
    mkdirSync(folder);
    const path = join(folder, 'in-use.lock');
    const held = FolderLock.acquire(folder);
    const owner = JSON.parse(readFileSync(path, 'utf8')) as { pid: number; host: string; started: string };
    held.release();
    // No process has this number; or it has, and started at another time.
    for (const gone of [
      { ...owner, pid: 2 ** 22 + 1 },
      { ...owner, started: 'long ago' },
    ]) {
      writeFileSync(path, JSON.stringify(gone));
      FolderLock.acquire(folder).release();
    }
    writeFileSync(path, '{"pid":');
    FolderLock.acquire(folder).release();
    writeFileSync(path, JSON.stringify({ ...owner, host: 'elsewhere' }));
    expect(() => FolderLock.acquire(folder)).toThrow('on elsewhere');
  });
});
