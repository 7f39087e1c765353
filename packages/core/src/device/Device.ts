/** The place where one rank computes: one thread with its own tfjs instance and a memory budget. */
import { currentAccount } from '../engine/choose.js';
import type { EngineName, EngineReport, KernelVariant } from '../engine/EngineReport.js';

/** Bytes of a device's tensors. */
export interface MemoryAccount {
  readonly currentBytes: number;
  readonly peakBytes: number;
  /** Infinity when there is no budget. */
  readonly budgetBytes: number;
  /** The largest single allocation seen, and the op that made it; undefined where the engine does not tell. */
  readonly largest?: { readonly op: string; readonly bytes: number };
  /** Forgets the peak: it becomes the current figure. */
  resetPeak(): void;
}

/** A device. */
export interface Device {
  readonly engine: EngineName;
  /** SIMD variant of the kernels in use. */
  readonly kernels: KernelVariant;
  readonly memory: MemoryAccount;
}

/**
 * Describes this thread as a device, once its engine runs.
 *
 * @param report - what `initEngine` returned in this thread
 * @throws {@link StrataError} if no engine was initialised in this thread.
 */
export function createDevice(report: EngineReport): Device {
  return { engine: report.name, kernels: report.kernels, memory: currentAccount() };
}
