/** Positional reads and writes that finish or fail: short transfers are continued. */
import { fsyncSync, readSync, writeSync } from 'node:fs';
import { alignUp, DIRECT_ALIGNMENT } from './alignedBytes.js';

/** The file ended before the read was complete. */
class ShortReadError extends Error {
  readonly code = 'SHORT';
}

/** Reads `into.length` bytes at `position`. */
export function readFully(fd: number, into: Uint8Array, position: number): void {
  let done = 0;
  while (done < into.length) {
    const got = readSync(fd, into, done, into.length - done, position + done);
    if (got === 0) throw new ShortReadError(`the file ends at byte ${position + done}`);
    done = continueAt(done + got, into.length);
  }
}

/** Writes all of `from` at `position`. */
export function writeFully(fd: number, from: Uint8Array, position: number): void {
  let done = 0;
  while (done < from.length)
    done = continueAt(done + writeSync(fd, from, done, from.length - done, position + done), from.length);
}

/** Flushes the file to the drive. */
export const flush = (fd: number): void => fsyncSync(fd);

/** Direct I/O continues at a block boundary only, so the part of a block that was transferred is done again. */
function continueAt(done: number, total: number): number {
  return done === total || done % DIRECT_ALIGNMENT === 0 ? done : alignUp(done) - DIRECT_ALIGNMENT;
}
