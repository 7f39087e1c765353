/** Mode `naive-swap`: one big buffer over a file, paged by the operating system as it sees fit. Linux, through koffi. */
import { closeSync, openSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { OptionError } from '@strata-ml/core';
import { HostMemory } from '../residency/HostMemory.js';

const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;

/** Memory whose pages lie in a file that has no name any more: it is gone with the process. */
export interface MappedMemory {
  readonly memory: HostMemory;
  close(): void;
}

/**
 * Maps a file of a folder over new memory: what is written there the system writes to the drive when it needs the room.
 *
 * @throws {@link OptionError} where a map is not to be had.
 */
export function mappedMemory(folder: string, bytes: number): MappedMemory {
  const memory = new HostMemory(bytes);
  const path = join(folder, 'work-swap.blocks');
  const file = openSync(path, 'w+');
  try {
    const { mmap, ftruncate, address } = libc();
    const total = memory.slabs.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    if (ftruncate(file, total) !== 0) throw unavailable(`${total} bytes cannot be reserved in ${folder}`);
    let at = 0;
    for (const { buffer } of memory.slabs) {
      const mapped = address(
        mmap(new Uint8Array(buffer), buffer.byteLength, PROT_READ_WRITE, MAP_SHARED_FIXED, file, at),
      );
      // MAP_FAILED is all ones.
      if (BigInt.asIntN(64, mapped) === -1n) throw unavailable(`${buffer.byteLength} bytes cannot be mapped`);
      at += buffer.byteLength;
    }
    rmSync(path, { force: true });
    return { memory, close: () => closeSync(file) };
  } catch (error) {
    closeSync(file);
    rmSync(path, { force: true });
    throw error;
  }
}

interface Libc {
  mmap(address: Uint8Array, bytes: number, access: number, flags: number, file: number, offset: number): unknown;
  ftruncate(file: number, bytes: number): number;
  address(pointer: unknown): bigint;
}

function libc(): Libc {
  if (process.platform !== 'linux') throw unavailable(`Linux is needed, this is ${process.platform}`);
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    return {
      mmap: library.func(
        'void *mmap(void *address, size_t bytes, int access, int flags, int file, int64_t offset)',
      ) as unknown as Libc['mmap'],
      ftruncate: library.func('int ftruncate(int file, int64_t bytes)') as unknown as Libc['ftruncate'],
      address: (pointer) => koffi.address(pointer as Parameters<typeof koffi.address>[0]),
    };
  } catch (cause) {
    throw unavailable(`koffi does not load (${(cause as Error).message.split('\n')[0]})`);
  }
}

function unavailable(why: string): OptionError {
  return new OptionError('OffloadTrainer', 'mode', 'naive-swap', `another here: ${why}`, 'choose regather');
}
