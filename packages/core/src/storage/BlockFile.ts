/**
 * A file of blocks of known sizes, each at a 4096-aligned offset: a block goes from the drive to where it is computed
 * with without a copy, every piece has a checksum, and a file appears under its name whole or not at all.
 */
import { fstatSync, renameSync, rmSync } from 'node:fs';
import { DataError, OptionError, ShapeError } from '../errors.js';
import { alignedBytes, alignUp, DIRECT_ALIGNMENT } from './alignedBytes.js';
import { BlockRequest } from './BlockRequest.js';
import { type BlockHeader, decodeHeader, encodeHeader, headerBytes, headerLength, piecesOf } from './blockHeader.js';
import type { StorageDevice, StorageFile } from './StorageDevice.js';
import { StorageError } from './StorageError.js';

/** A file of blocks on a {@link StorageDevice}. */
export class BlockFile {
  readonly name: string;
  /** Bytes of each block without padding, float64 `[blocks]`. */
  readonly blockBytes: Float64Array;
  readonly #device: StorageDevice;
  readonly #file: StorageFile;
  readonly #header: BlockHeader;
  readonly #offsets: Float64Array;
  readonly #firstPiece: Int32Array;
  #temporary: string | undefined;

  /**
   * Creates a file; it has its name only after {@link BlockFile.commit}. An older file of that name stays until then.
   *
   * @param blockBytes - bytes of each block, `[blocks]`
   * @throws {@link StorageError} if the drive has not room for it, before anything is written.
   */
  static create(device: StorageDevice, name: string, blockBytes: ArrayLike<number>): BlockFile {
    const sizes = Float64Array.from(blockBytes);
    const bad = sizes.findIndex((size) => !Number.isSafeInteger(size) || size < 0);
    if (bad >= 0) throw new OptionError('BlockFile', `size of block ${bad}`, sizes[bad], 'a whole number ≥ 0');
    const pieces = sizes.reduce((sum, size) => sum + piecesOf(size, device.chunkBytes), 0);
    const header = { chunkBytes: device.chunkBytes, blockBytes: sizes, checksums: new Uint32Array(pieces) };
    const total = sizes.reduce((sum, size) => sum + alignUp(size), headerBytes(sizes.length, pieces));
    const temporary = `${name}.tmp`;
    const file = device.create(temporary);
    const free = device.freeBytes();
    if (free < total) {
      device.closeFile(file);
      rmSync(file.path, { force: true });
      const details = { path: file.path, offset: 0, reason: 'ENOSPC', needed: total, free };
      throw new StorageError('BlockFile', details, `needs ${total} bytes, the drive has ${free}`);
    }
    device.resize(file, total);
    return new BlockFile(device, name, file, header, temporary);
  }

  /**
   * Opens a committed file.
   *
   * @throws {@link DataError} if it is no block file, damaged, cut off, or written with other pieces than the device's;
   * {@link StorageError} if it cannot be read.
   */
  static open(device: StorageDevice, name: string): BlockFile {
    const file = device.openFile(name);
    try {
      const actual = fstatSync(file.fd).size;
      if (actual < DIRECT_ALIGNMENT) throw new DataError(`${file.path}: must be a block file, it has ${actual} bytes`);
      const first = alignedBytes(DIRECT_ALIGNMENT);
      device.read(file, 0, first, 'header').wait();
      const length = headerLength(first, file.path);
      if (actual < length)
        throw new DataError(`${file.path}: is cut off: ${actual} bytes, the header alone has ${length}`);
      const whole = alignedBytes(length);
      device.read(file, 0, whole, 'header').wait();
      const header = decodeHeader(whole, file.path);
      const expected = header.blockBytes.reduce((sum, size) => sum + alignUp(size), length);
      if (actual !== expected) {
        throw new DataError(`${file.path}: must have ${expected} bytes, got ${actual}; it was cut off or replaced`);
      }
      if (header.chunkBytes !== device.chunkBytes) {
        throw new DataError(
          `${file.path}: has checksums over ${header.chunkBytes} bytes, the device reads ${device.chunkBytes} at a time; open the device with chunkBytes ${header.chunkBytes}`,
        );
      }
      return new BlockFile(device, name, file, header, undefined);
    } catch (error) {
      device.closeFile(file);
      throw error;
    }
  }

  private constructor(device: StorageDevice, name: string, file: StorageFile, header: BlockHeader, temporary?: string) {
    this.name = name;
    this.blockBytes = header.blockBytes;
    this.#device = device;
    this.#file = file;
    this.#header = header;
    this.#temporary = temporary;
    const { blockBytes, checksums, chunkBytes } = header;
    this.#offsets = new Float64Array(blockBytes.length + 1);
    this.#firstPiece = new Int32Array(blockBytes.length + 1);
    this.#offsets[0] = headerBytes(blockBytes.length, checksums.length);
    blockBytes.forEach((size, i) => {
      this.#offsets[i + 1] = this.#offsets[i]! + alignUp(size);
      this.#firstPiece[i + 1] = this.#firstPiece[i]! + piecesOf(size, chunkBytes);
    });
  }

  /** Bytes of the whole file, header and padding included. */
  get bytes(): number {
    return this.#offsets.at(-1)!;
  }

  /** Bytes of a block on the drive: what a buffer for it must have. */
  paddedBytes(block: number): number {
    return alignUp(this.blockBytes[this.#index(block)]!);
  }

  /**
   * Starts reading a block; its checksums are compared when the request is waited for.
   *
   * @param into - `[paddedBytes(block)]` of {@link alignedBytes}
   */
  read(block: number, into: Uint8Array, purpose = 'block'): BlockRequest {
    const index = this.#check('read', block, into);
    const request = this.#device.read(this.#file, this.#offsets[index]!, into, purpose, true);
    return new BlockRequest(request, (found) => this.#compare(index, found));
  }

  /** Starts writing a block; `from` as in {@link BlockFile.read}, and unchanged until the request is done. */
  write(block: number, from: Uint8Array, purpose = 'block'): BlockRequest {
    const index = this.#check('write', block, from);
    const request = this.#device.write(this.#file, this.#offsets[index]!, from, purpose, true);
    return new BlockRequest(request, (found) => this.#header.checksums.set(found, this.#firstPiece[index]!));
  }

  /**
   * Starts reading part of a block, without a checksum.
   *
   * @param offset - in the block; offset and length are multiples of 4096 in mode `direct`
   */
  readPart(block: number, offset: number, into: Uint8Array, purpose = 'block'): BlockRequest {
    const index = this.#index(block);
    if (offset < 0 || offset + into.length > this.paddedBytes(index)) {
      throw new ShapeError(
        'readPart',
        `bytes ${offset}…`,
        [into.length],
        `within the ${this.paddedBytes(index)} of block ${block}`,
      );
    }
    return new BlockRequest(this.#device.read(this.#file, this.#offsets[index]! + offset, into, purpose), () => {});
  }

  /** Writes checksums, flushes everything to the drive and, the first time, gives the file its name. */
  commit(): void {
    this.#device.sync(this.#file).wait();
    this.#device.write(this.#file, 0, encodeHeader(this.#header), 'header').wait();
    this.#device.sync(this.#file).wait();
    if (this.#temporary === undefined) return;
    renameSync(this.#file.path, this.#file.path.slice(0, -'.tmp'.length));
    this.#temporary = undefined;
  }

  /** Closes the file; one that was never committed is removed. Requests must be done. */
  close(): void {
    this.#device.closeFile(this.#file);
    if (this.#temporary !== undefined) rmSync(this.#file.path, { force: true });
  }

  #index(block: number): number {
    if (!Number.isSafeInteger(block) || block < 0 || block >= this.blockBytes.length) {
      throw new OptionError('BlockFile', 'block', block, `in 0..${this.blockBytes.length - 1}`);
    }
    return block;
  }

  #check(operation: string, block: number, bytes: Uint8Array): number {
    const index = this.#index(block);
    const expected = this.paddedBytes(index);
    if (bytes.length !== expected) throw new ShapeError(operation, `block ${block}`, [bytes.length], `[${expected}]`);
    return index;
  }

  #compare(block: number, found: Uint32Array): void {
    const first = this.#firstPiece[block]!;
    const piece = found.findIndex((checksum, i) => checksum !== this.#header.checksums[first + i]);
    if (piece < 0) return;
    const offset = this.#offsets[block]! + piece * this.#header.chunkBytes;
    const details = { path: this.#file.path, offset, reason: 'CHECKSUM', block };
    throw new StorageError('read', details, `block ${block} is damaged: its checksum does not match`);
  }
}
