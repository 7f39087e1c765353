/** The first bytes of a block file: sizes and checksums of its blocks, themselves under a checksum. */
import { crc32 } from 'node:zlib';
import { DataError } from '../errors.js';
import { alignedBytes, alignUp } from './alignedBytes.js';

const MAGIC = 0x4b4c4253; // "SBLK"
const VERSION = 1;
/** Magic, version, pieces' size, blocks, pieces, checksum of the header; 8 bytes each. */
const FIXED = 6 * 8;

/** What a header says. */
export interface BlockHeader {
  /** Bytes that one checksum covers. */
  readonly chunkBytes: number;
  /** Bytes of each block, float64 `[blocks]`. */
  readonly blockBytes: Float64Array;
  /** CRC-32 of each piece of each block, in order, uint32. */
  readonly checksums: Uint32Array;
}

/** Pieces of a block of so many bytes, padding included. */
export const piecesOf = (bytes: number, chunkBytes: number): number => Math.ceil(alignUp(bytes) / chunkBytes);

/** Bytes of the header of such a file, a multiple of 4096. */
export function headerBytes(blocks: number, pieces: number): number {
  return alignUp(FIXED + 8 * blocks + 4 * pieces);
}

/** The header as aligned bytes. */
export function encodeHeader({ chunkBytes, blockBytes, checksums }: BlockHeader): Uint8Array {
  const bytes = alignedBytes(headerBytes(blockBytes.length, checksums.length));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  [MAGIC, VERSION, chunkBytes, blockBytes.length, checksums.length].forEach((value, i) => {
    view.setFloat64(8 * i, value, true);
  });
  blockBytes.forEach((value, i) => void view.setFloat64(FIXED + 8 * i, value, true));
  checksums.forEach((value, i) => void view.setUint32(FIXED + 8 * blockBytes.length + 4 * i, value, true));
  view.setFloat64(40, crc32(bytes), true);
  return bytes;
}

/** Bytes that {@link decodeHeader} needs, from the first 4096. */
export function headerLength(first: Uint8Array, path: string): number {
  const view = new DataView(first.buffer, first.byteOffset, first.length);
  if (view.getFloat64(0, true) !== MAGIC) throw new DataError(`${path}: must be a block file, its first bytes are not`);
  const version = view.getFloat64(8, true);
  if (version !== VERSION) throw new DataError(`${path}: must be of format ${VERSION}, got ${version}; write it again`);
  const [blocks, pieces] = [view.getFloat64(24, true), view.getFloat64(32, true)];
  const isSane = [blocks, pieces].every((n) => Number.isSafeInteger(n) && n >= 0 && n < 2 ** 31);
  if (!isSane) throw new DataError(`${path}: the header is damaged`);
  return headerBytes(blocks, pieces);
}

/**
 * Reads a header.
 *
 * @throws {@link DataError} if it is damaged.
 */
export function decodeHeader(bytes: Uint8Array, path: string): BlockHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const expected = view.getFloat64(40, true);
  view.setFloat64(40, 0, true);
  if (crc32(bytes) !== expected) throw new DataError(`${path}: the header is damaged (checksum)`);
  const [chunkBytes, blocks, pieces] = [16, 24, 32].map((at) => view.getFloat64(at, true)) as [number, number, number];
  return {
    chunkBytes,
    blockBytes: Float64Array.from({ length: blocks }, (_, i) => view.getFloat64(FIXED + 8 * i, true)),
    checksums: Uint32Array.from({ length: pieces }, (_, i) => view.getUint32(FIXED + 8 * blocks + 4 * i, true)),
  };
}
