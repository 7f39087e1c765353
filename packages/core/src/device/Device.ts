/** The place where one rank computes: one thread with its own tfjs instance and a memory budget. */
import type { EngineName } from '../engine/choose.js';

/** Bytes of a device's tensors. */
export interface MemoryAccount {
  readonly currentBytes: number;
  readonly peakBytes: number;
  /** Infinity when there is no budget. */
  readonly budgetBytes: number;
  /** Forgets the peak: it becomes the current figure. */
  resetPeak(): void;
}

/** A device. */
export interface Device {
  readonly engine: EngineName;
  /** SIMD variant of the kernels in use. */
  readonly kernels: 'simd' | 'relaxed-simd' | 'stock';
  readonly memory: MemoryAccount;
}
