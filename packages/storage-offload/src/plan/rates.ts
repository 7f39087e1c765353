/** How fast the lanes of a run are on this machine: what predicted seconds stand on. */
import type { StorageCalibration } from '@strata-ml/core';
import { type LayerRates, measureLayerRates } from '@strata-ml/models';

/** Speeds of the lanes of a run; rows are copied between blocks and the device. */
export interface LaneRates extends LayerRates {
  readonly readBytesPerSecond: number;
  readonly writeBytesPerSecond: number;
  /** Added to each request. */
  readonly requestSeconds: number;
}

/**
 * Measures the compute lanes; about 100 ms. An engine must run in this thread.
 *
 * @param drive - from `calibrateStorage`
 */
export function measureLaneRates(drive: StorageCalibration, hidden = 64): LaneRates {
  return {
    ...measureLayerRates(hidden),
    readBytesPerSecond: drive.readBytesPerSecond,
    writeBytesPerSecond: drive.writeBytesPerSecond,
    requestSeconds: drive.randomReadSeconds,
  };
}
