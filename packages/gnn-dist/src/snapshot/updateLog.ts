/**
 * The write-ahead log of an adjacency file: an update is on the drive before it takes effect.
 *
 * A record is a whole number of pages: magic, removed edges, added edges, CRC-32, then the edges as int32 pairs. A record
 * that a crash cut short fails its checksum and ends the log.
 */
import { existsSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { alignedBytes, alignUp, DIRECT_ALIGNMENT, type StorageDevice, type StorageFile } from '@strata-ml/core';
import { type EdgeList, type EdgeUpdates, noEdges } from './EdgeUpdates.js';

const MAGIC = 0x5ea1_0600;
const HEAD_BYTES = 16;

/** The log of one adjacency file. */
export class UpdateLog {
  readonly #device: StorageDevice;
  readonly #file: StorageFile;
  #end = 0;

  /** Opens the log called `name`, or begins one. */
  constructor(device: StorageDevice, name: string) {
    this.#device = device;
    this.#file = existsSync(join(device.folder, name)) ? device.openFile(name) : device.create(name);
  }

  /** Updates in the log, oldest first. Later updates are written behind them. */
  replay(): EdgeUpdates[] {
    const size = Math.floor(fstatSync(this.#file.fd).size / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
    const updates: EdgeUpdates[] = [];
    this.#end = 0;
    while (this.#end < size) {
      const page = this.#read(DIRECT_ALIGNMENT);
      const [magic, removed, added, checksum] = new Int32Array(page.buffer, 0, 4);
      const bytes = HEAD_BYTES + 8 * (removed! + added!);
      if (magic !== MAGIC || removed! < 0 || added! < 0 || this.#end + alignUp(bytes) > size) break;
      const record = this.#read(alignUp(bytes));
      if (crc32(record.subarray(HEAD_BYTES, bytes)) >>> 0 !== checksum! >>> 0) break;
      const pairs = new Int32Array(record.buffer, HEAD_BYTES, 2 * (removed! + added!));
      updates.push({ remove: unpack(pairs, 0, removed!), add: unpack(pairs, removed!, added!) });
      this.#end += record.length;
    }
    return updates;
  }

  /** Appends an update and waits until the drive has it. */
  append({ remove = noEdges, add = noEdges }: EdgeUpdates): void {
    const counts = [remove.sources.length, add.sources.length] as const;
    const bytes = HEAD_BYTES + 8 * (counts[0] + counts[1]);
    const record = alignedBytes(alignUp(bytes));
    const words = new Int32Array(record.buffer, 0, bytes / 4);
    let at = HEAD_BYTES / 4;
    for (const { sources, destinations } of [remove, add]) {
      for (let i = 0; i < sources.length; i++) {
        words[at++] = sources[i]!;
        words[at++] = destinations[i]!;
      }
    }
    words.set([MAGIC, ...counts, crc32(record.subarray(HEAD_BYTES, bytes)) | 0]);
    this.#device.write(this.#file, this.#end, record, 'update log').wait();
    this.#device.sync(this.#file).wait();
    this.#end += record.length;
  }

  /** Closes the file. */
  close(): void {
    this.#device.closeFile(this.#file);
  }

  #read(bytes: number): Uint8Array<SharedArrayBuffer> {
    const into = alignedBytes(bytes);
    this.#device.read(this.#file, this.#end, into, 'update log').wait();
    return into;
  }
}

function unpack(pairs: Int32Array, first: number, count: number): EdgeList {
  const at = (end: number) => Int32Array.from({ length: count }, (_, i) => pairs[2 * (first + i) + end]!);
  return { sources: at(0), destinations: at(1) };
}
