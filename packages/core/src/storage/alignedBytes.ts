/** Memory that direct I/O accepts: only WebAssembly.Memory begins at a page. */
import { OptionError } from '../errors.js';

interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
}
interface WasmNamespace {
  readonly Memory: new (descriptor: { initial: number; maximum: number; shared: true }) => WasmMemory;
}

// Node has it, @types/node does not declare it.
const { WebAssembly: wasm } = globalThis as unknown as { readonly WebAssembly: WasmNamespace };

const WASM_PAGE = 65_536;
const LARGEST = 65_536 * WASM_PAGE;

/** Offsets, lengths and addresses of direct I/O are multiples of this: right for every drive in use. */
export const DIRECT_ALIGNMENT = 4096;

/** `n` rounded up to a multiple of {@link DIRECT_ALIGNMENT}. */
export function alignUp(n: number): number {
  return Math.ceil(n / DIRECT_ALIGNMENT) * DIRECT_ALIGNMENT;
}

/**
 * Page-aligned shared memory, zeros. The operating system commits pages when they are first touched.
 *
 * @param bytes - at most 4 GiB; the array has exactly this length
 * @throws {@link OptionError} for another size.
 */
export function alignedBytes(bytes: number): Uint8Array<SharedArrayBuffer> {
  if (!(bytes >= 0 && bytes <= LARGEST)) throw new OptionError('alignedBytes', 'bytes', bytes, 'between 0 and 4 GiB');
  const pages = Math.max(1, Math.ceil(bytes / WASM_PAGE));
  return new Uint8Array(new wasm.Memory({ initial: pages, maximum: pages, shared: true }).buffer, 0, bytes);
}
