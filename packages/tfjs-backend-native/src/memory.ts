/** What the device memory of this thread holds. */
import { engine } from '@tensorflow/tfjs-core';
import { NativeBackend } from './NativeBackend.js';
import { configuredBudgetBytes } from './options.js';

/** Answer of {@link nativeMemory}; all sizes in bytes. */
export interface NativeMemory {
  /** In use now: blocks of the arena, rounded up to 64 bytes, and arrays outside it that tensors hold. */
  readonly currentBytes: number;
  /** Highest `currentBytes` so far. */
  readonly peakBytes: number;
  /** What `configureNative({ memoryBytes })` allows. */
  readonly budgetBytes: number;
  /** Largest tensor that would fit now. */
  readonly largestFreeBytes: number;
  /** Starts a new measurement of the peak. */
  resetPeak(): void;
}

/** Tells what the `native` backend of this thread uses of its memory; zeros before its first use. */
export function nativeMemory(): NativeMemory {
  const backend: unknown = engine().registry.native;
  if (!(backend instanceof NativeBackend)) {
    const budgetBytes = configuredBudgetBytes();
    return { currentBytes: 0, peakBytes: 0, budgetBytes, largestFreeBytes: budgetBytes, resetPeak() {} };
  }
  const { arena } = backend;
  return {
    currentBytes: arena.currentBytes,
    peakBytes: arena.peakBytes,
    budgetBytes: arena.budgetBytes,
    largestFreeBytes: arena.largestFreeBytes,
    resetPeak: () => arena.resetPeak(),
  };
}
