/**
 * Memory that several processes share, where the thread transport expects a WebAssembly memory.
 *
 * JavaScript cannot map a file, and WebAssembly runs on memory of its own only. But that memory is a fixed range of
 * addresses, so each process maps one anonymous file over the range of its own: from then on loads, stores, atomics and
 * SIMD kernels of all processes work on the same bytes. What does not cross processes is `Atomics.wait`, which V8 keeps
 * in a list of its own; the operating system's futex does the same on any address. Linux only, through koffi.
 */
import { createRequire } from 'node:module';
import { endianness } from 'node:os';
import { StrataError } from '../../errors.js';
import type { WasmMemory } from '../../webAssembly.js';
import type { Doorbell } from '../threads/Doorbell.js';

/** Descriptor of the shared file in a rank's process; 3 is Node's own channel. */
export const SHARED_FILE = 4;

const PROT_READ_WRITE = 3;
const MAP_SHARED_FIXED = 0x11;
const PR_SET_PDEATHSIG = 1;
const SIGKILL = 9;
const FUTEX = { wait: 0, wake: 1 } as const;
const ALL_SLEEPERS = 0x7fffffff;
/** Number of the futex call, by processor. */
const SYS_FUTEX: Readonly<Record<string, number>> = { x64: 202, arm64: 98 };

type Call = ((...args: unknown[]) => unknown) & { async(...args: unknown[]): void };

/** What of the C library is used here. */
interface Libc {
  readonly mmap: Call;
  readonly memfdCreate: Call;
  readonly ftruncate: Call;
  readonly prctl: Call;
  readonly syscall: Call;
  address(pointer: unknown): bigint;
}

let loaded: Libc | undefined;

/**
 * Loads the C library's functions.
 *
 * @throws {@link StrataError} where the processes transport cannot work: not Linux, or koffi is missing.
 */
function libc(): Libc {
  if (loaded) return loaded;
  if (process.platform !== 'linux' || SYS_FUTEX[process.arch] === undefined || endianness() !== 'LE') {
    throw unavailable(`Linux on x64 or arm64 is needed, this is ${process.platform}-${process.arch}`);
  }
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    const library = koffi.load(null);
    const func = (declaration: string): Call => library.func(declaration) as unknown as Call;
    loaded = {
      mmap: func('void *mmap(void *address, size_t bytes, int access, int flags, int file, int64_t offset)'),
      memfdCreate: func('int memfd_create(const char *name, unsigned int flags)'),
      ftruncate: func('int ftruncate(int file, int64_t bytes)'),
      prctl: func('int prctl(int option, unsigned long value)'),
      syscall: func('long syscall(long number, void *cell, int op, int value, void *timeout, void *cell2, int value3)'),
      address: (pointer) => koffi.address(pointer as Parameters<typeof koffi.address>[0]),
    };
  } catch (cause) {
    throw unavailable(`koffi does not load (${(cause as Error).message.split('\n')[0]}); npm install koffi`, cause);
  }
  return loaded;
}

/**
 * Makes a file in memory that child processes can inherit; it is gone when nobody has it open or mapped.
 *
 * @param bytes - its size; pages cost nothing until they are touched
 * @returns its descriptor
 */
export function createSharedFile(bytes: number): number {
  const { memfdCreate, ftruncate } = libc();
  const file = memfdCreate('strata', 0) as number;
  if (file < 0 || (ftruncate(file, bytes) as number) !== 0) throw unavailable(`${bytes} bytes cannot be reserved`);
  return file;
}

/** Maps the first `bytes` of a file over a memory, whose contents there are the file's from then on. */
export function mapOver(memory: WasmMemory, bytes: number, file: number): bigint {
  const { mmap, address } = libc();
  const mapped = address(mmap(new Uint8Array(memory.buffer), bytes, PROT_READ_WRITE, MAP_SHARED_FIXED, file, 0));
  // MAP_FAILED is all ones.
  if (BigInt.asIntN(64, mapped) === -1n) throw unavailable(`${bytes} bytes cannot be mapped`);
  return mapped;
}

/** Has the operating system kill this process as soon as the one that started it is gone. */
export function dieWithParent(): void {
  libc().prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/**
 * Sleeping and waking across processes.
 *
 * @param base - address of the shared memory in this process, from {@link mapOver}
 */
export function futexDoorbell(base: bigint): Doorbell {
  const { syscall } = libc();
  const number = SYS_FUTEX[process.arch]!;
  const addressOf = (cell: number): bigint => base + BigInt(cell * 4);
  const timeSpec = (ms: number): BigInt64Array => {
    const ns = Math.max(0, Math.round(ms * 1e6));
    return BigInt64Array.of(BigInt(Math.floor(ns / 1e9)), BigInt(ns % 1e9));
  };
  return {
    wake(_cells, cell) {
      syscall(number, addressOf(cell), FUTEX.wake, ALL_SLEEPERS, null, null, 0);
    },
    sleep(_cells, cell, seen, ms) {
      syscall(number, addressOf(cell), FUTEX.wait, seen, timeSpec(ms), null, 0);
    },
    sleepAsync(_cells, cell, seen, ms) {
      const limit = timeSpec(ms);
      return new Promise((resolve) => {
        syscall.async(number, addressOf(cell), FUTEX.wait, seen, limit, null, 0, () => resolve(limit.length > 0));
      });
    },
  };
}

function unavailable(why: string, cause?: unknown): StrataError {
  return new StrataError(
    'ERR_STRATA_PROCESSES',
    `launch: the processes transport cannot work here: ${why}; or use the threads or mpi transport`,
    {},
    cause === undefined ? {} : { cause },
  );
}
