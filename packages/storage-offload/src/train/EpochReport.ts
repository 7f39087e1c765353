/** What one epoch of offloaded training did; counts are exact. */
import type { ResidencyCounters } from '../residency/ResidencyCounters.js';
import type { StepKind } from './schedule.js';
import type { DeviceTraffic } from './TrafficCounters.js';

/** One pass: all partitions of one stage, one way. */
export interface PassReport extends DeviceTraffic, ResidencyCounters {
  readonly kind: StepKind;
  /** Index of the stage. */
  readonly stage: number;
  readonly seconds: number;
  /** Of it, asleep for the drive. */
  readonly waitSeconds: number;
  /** Of it, copying rows between blocks and the device's memory. */
  readonly gatherSeconds: number;
  /** Bytes of blocks in memory at its end. */
  readonly residentBytes: number;
}

/** One training epoch. */
export interface EpochReport {
  /** From 1. */
  readonly epoch: number;
  /** Mean cross-entropy of the training vertices, dropout on. */
  readonly loss: number;
  readonly seconds: number;
  readonly waitSeconds: number;
  readonly device: DeviceTraffic;
  /** Blocks moved, padding included. */
  readonly storage: ResidencyCounters;
  /** The same, said before the epoch began. */
  readonly predicted: { readonly device: DeviceTraffic; readonly storage: ResidencyCounters };
  readonly passes: readonly PassReport[];
}

/** Fractions of correctly classified vertices. */
export interface OffloadEvaluation {
  readonly trainAccuracy: number;
  readonly valAccuracy: number;
  readonly testAccuracy: number;
}
