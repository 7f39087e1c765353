/** What a user may set before the engine starts. */
import { OptionError } from '@strata-ml/kernels';
import { ALIGNMENT_BYTES } from './arena/BlockAllocator.js';
import { defaultBudgetBytes, MAX_BUDGET_BYTES } from './arena/DeviceArena.js';

/** Options of {@link configureNative}. */
export interface NativeOptions {
  /**
   * Memory budget of this thread's device in bytes, up to 4 GiB − 64 KiB; tensors that do not fit are refused.
   * @defaultValue half of the memory this process may use, at most 4 GiB − 64 KiB
   */
  readonly memoryBytes?: number;
  /**
   * Threads of matrix products and convolutions. Leave it at 1 where several devices run in worker threads.
   * @defaultValue `1`
   */
  readonly threads?: number;
}

const MIN_BUDGET_BYTES = 65536;
const settings: { memoryBytes: number | undefined; threads: number; inUse: boolean } = {
  memoryBytes: undefined,
  threads: 1,
  inUse: false,
};

/**
 * Sets the memory budget and the threads of the `native` backend in this thread; call it before the first use.
 *
 * @throws OptionError if a value is out of range, or if the backend is in use already.
 */
export function configureNative({ memoryBytes, threads }: NativeOptions): void {
  if (settings.inUse) {
    throw new OptionError(
      'configureNative',
      'time of the call',
      'a call after it',
      "before the backend's first use",
      "call it before tf.setBackend('native'), or after tf.removeBackend('native')",
    );
  }
  if (memoryBytes !== undefined) {
    const isValid = Number.isFinite(memoryBytes) && memoryBytes >= MIN_BUDGET_BYTES && memoryBytes <= MAX_BUDGET_BYTES;
    if (!isValid) {
      const range = `${MIN_BUDGET_BYTES} to ${MAX_BUDGET_BYTES} bytes`;
      throw new OptionError('configureNative', 'memoryBytes', memoryBytes, range);
    }
    settings.memoryBytes = Math.floor(memoryBytes / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
  }
  if (threads !== undefined) {
    if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
      throw new OptionError('configureNative', 'threads', threads, 'a whole number from 1 to 256');
    }
    settings.threads = threads;
  }
}

/** The settings as the backend takes them when it starts; from then on they are fixed. */
export function takeSettings(): {
  readonly memoryBytes: number;
  readonly isDefault: boolean;
  readonly threads: number;
} {
  settings.inUse = true;
  return {
    memoryBytes: settings.memoryBytes ?? defaultBudgetBytes(),
    isDefault: settings.memoryBytes === undefined,
    threads: settings.threads,
  };
}

/** The backend is gone: options may be set again. */
export function releaseSettings(): void {
  settings.inUse = false;
}

/** The budget that would be used now. */
export function configuredBudgetBytes(): number {
  return settings.memoryBytes ?? defaultBudgetBytes();
}
