/** What this Node can run: WebAssembly SIMD, and direct I/O on a folder. */
import { constants } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

interface WasmNamespace {
  validate(bytes: Uint8Array): boolean;
  readonly Memory: new (descriptor: { initial: number }) => { readonly buffer: ArrayBuffer };
}

// Node has it, @types/node does not declare it.
const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmNamespace };

/** Modules of one function that uses one instruction: `i8x16.popcnt`, `i8x16.relaxed_swizzle`. */
const HEADER = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10];
const SIMD = [...HEADER, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
const RELAXED = [...HEADER, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11];

/** Which WebAssembly SIMD instructions this Node runs. */
export function simdSupport(): { readonly simd: boolean; readonly relaxedSimd: boolean } {
  return { simd: wasm.validate(Uint8Array.from(SIMD)), relaxedSimd: wasm.validate(Uint8Array.from(RELAXED)) };
}

/** Whether something works here, and why (not). */
export interface Availability {
  readonly available: boolean;
  readonly reason: string;
}

/**
 * Tries direct I/O in a folder: writes 64 KiB past the page cache from page-aligned memory, reads them back, and removes
 * the file again. Never throws.
 */
export async function probeDirectIo(folder: string): Promise<Availability> {
  if (constants.O_DIRECT === undefined) {
    return { available: false, reason: `${process.platform} has no O_DIRECT; files go through the page cache` };
  }
  let own: string | undefined;
  try {
    own = await mkdtemp(join(folder, 'strata-direct-'));
    // Only WebAssembly.Memory is page-aligned, as O_DIRECT demands.
    const [written, read] = [0, 1].map(() => new Uint8Array(new wasm.Memory({ initial: 1 }).buffer));
    written?.fill(0x5a);
    const file = await open(join(own, 'probe'), constants.O_DIRECT | constants.O_RDWR | constants.O_CREAT);
    try {
      await file.write(written!, 0, written!.length, 0);
      await file.read(read!, 0, read!.length, 0);
    } finally {
      await file.close();
    }
    return read!.every((byte) => byte === 0x5a)
      ? { available: true, reason: `O_DIRECT works in ${folder}` }
      : { available: false, reason: `O_DIRECT in ${folder} returned other bytes than were written` };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'EINVAL' ? 'its file system does not support O_DIRECT' : String((error as Error).message);
    return { available: false, reason: `not in ${folder}: ${why}; files go through the page cache` };
  } finally {
    if (own !== undefined) await rm(own, { recursive: true, force: true }).catch(() => {});
  }
}
