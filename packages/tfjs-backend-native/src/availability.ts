/** Whether the engine can run here, and if not, why and what to do. */
import type { CApi } from './ort/cApi.js';
import { loadOrt, type OrtFailure } from './ort/library.js';

/** Answer of {@link nativeAvailability}. */
export interface NativeAvailability {
  /** Whether `tf.setBackend('native')` will succeed. */
  readonly available: boolean;
  /** One sentence for the user: what runs, or what is missing and how to mend it. */
  readonly reason: string;
  /** Version of onnxruntime-node, if one was found. */
  readonly version?: string;
}

let loaded: CApi | OrtFailure | undefined;

/** ONNX Runtime, loaded and checked once per thread. */
export function ort(): CApi | OrtFailure {
  loaded ??= loadOrt();
  return loaded;
}

/**
 * Tells whether the `native` backend works in this process, and why.
 *
 * Loads ONNX Runtime on the first call (about 30 ms) and checks it by a small product. Never throws.
 */
export function nativeAvailability(): NativeAvailability {
  const result = ort();
  if ('run' in result) {
    return { available: true, reason: `ONNX Runtime ${result.version} passed its self-test`, version: result.version };
  }
  return { available: false, ...result };
}
