/** Checksums of bytes: CRC-32C for files and messages, XXH64 where speed counts more than a standard polynomial. */
import { bytesOf } from './bytes.js';
import { OptionError } from './errors.js';
import { type KernelMemory, kernelSpace } from './kernelMemory.js';
import type { KernelExports } from './kernelModule.js';
import { copyIn, placeOf, withScratch } from './staging.js';

/** Bytes at a time, a multiple of 32, where the data lie outside the kernel memory. */
const CHUNK = 128 * 1024;
const TABLE_BYTES = 8 * 256 * 4;

/** Copied in from the second call on: making them costs as much as the checksum of 30 kB. */
let knownTables: Uint32Array | undefined;

/**
 * CRC-32C (Castagnoli, reflected 0x82f63b78), an unsigned 32-bit number; the checksum of iSCSI, ext4 and RocksDB.
 *
 * @param data - any array or view; its bytes count
 * @param previous - result for the bytes before these: crc32c(b, crc32c(a)) is the checksum of a and b together
 * @throws {@link OptionError} if `previous` is no unsigned 32-bit integer.
 * @example
 * crc32c(new TextEncoder().encode('123456789')).toString(16); // => e3069283
 */
export function crc32c(data: ArrayBufferView, previous = 0): number {
  if (!(Number.isInteger(previous) && previous >= 0 && previous < 2 ** 32)) {
    throw new OptionError('crc32c', 'previous', previous, 'an unsigned 32-bit integer');
  }
  const { space, kernels } = kernelSpace();
  let crc = ~previous;
  const place = placeOf(space, data);
  withScratch(space, TABLE_BYTES, (tables) => {
    if (knownTables) {
      copyIn(space, knownTables, tables);
    } else {
      kernels.crc32cTables(tables);
      knownTables = new Uint32Array(space.memory.buffer, tables, TABLE_BYTES / 4).slice();
    }
    eachChunk(space, data, place, (at, count) => {
      crc = kernels.crc32c(at, count, tables, crc);
    });
  });
  return ~crc >>> 0;
}

/**
 * XXH64, an unsigned 64-bit number. Not for secrets.
 *
 * Collet: xxHash, https://xxhash.com, format description 0.2.0.
 *
 * @param data - any array or view; its bytes count
 * @param seed - unsigned 64-bit
 * @example
 * xxHash64(new Uint8Array(0)).toString(16); // => ef46db3751d8e999
 */
export function xxHash64(data: ArrayBufferView, seed = 0n): bigint {
  const { space, kernels } = kernelSpace();
  const place = placeOf(space, data);
  let hash = 0n;
  withScratch(space, 32, (lanes) => {
    kernels.xxHashStart(lanes, seed);
    let isEnded = false;
    const end = (k: KernelExports, at: number, count: number) => {
      hash = k.xxHashEnd(lanes, at, count, BigInt(data.byteLength), seed);
      isEnded = true;
    };
    let left = data.byteLength;
    eachChunk(space, data, place, (at, count) => {
      const whole = count - (count % 32);
      kernels.xxHashFeed(lanes, at, whole);
      left -= count;
      if (left === 0) end(kernels, at + whole, count - whole);
    });
    if (!isEnded) end(kernels, lanes, 0);
  });
  return BigInt.asUintN(64, hash);
}

function eachChunk(
  space: KernelMemory,
  data: ArrayBufferView,
  place: number | undefined,
  work: (at: number, count: number) => void,
): void {
  const length = data.byteLength;
  if (length === 0) return;
  if (place !== undefined) {
    work(place, length);
    return;
  }
  const bytes = bytesOf(data);
  withScratch(space, Math.min(CHUNK, length), (scratch) => {
    for (let begin = 0; begin < length; begin += CHUNK) {
      const count = Math.min(CHUNK, length - begin);
      new Uint8Array(space.memory.buffer, scratch, count).set(bytes.subarray(begin, begin + count));
      work(scratch, count);
    }
  });
}
