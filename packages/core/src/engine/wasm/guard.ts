/** What tfjs-wasm's memory can hold, and what happens at its end. */
import { OutOfDeviceMemoryError } from '../../errors.js';
import type { WasmBackend } from './backend.js';

/**
 * Bytes of tensors that the account lets in: the module addresses 4 GiB, and aborts for good when that is used up, so
 * an eighth stays free for its own copies (repacked operands) and for fragmentation.
 */
export const WASM_LIMIT_BYTES = 3.5 * 2 ** 30;
const guarded = new WeakSet<object>();

/** Makes a failed allocation throw {@link OutOfDeviceMemoryError}; tfjs does not look whether it got 0. Idempotent. */
export function guardAllocations(backend: WasmBackend): void {
  const { wasm } = backend;
  if (guarded.has(wasm)) return;
  guarded.add(wasm);
  const malloc = wasm._malloc;
  wasm._malloc = (bytes) => {
    const address = malloc(bytes);
    if (address !== 0 || bytes === 0) return address;
    throw new OutOfDeviceMemoryError({
      op: 'wasm',
      askedBytes: bytes,
      freeBytes: 2 ** 32 - wasm.HEAPU8.length,
      largestFreeBytes: 0,
      budgetBytes: WASM_LIMIT_BYTES,
    });
  };
}
