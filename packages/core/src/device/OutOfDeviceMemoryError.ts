/** The error of an exceeded memory budget. */

import { formatBytes } from '../cluster/units.js';
import { registerErrorClass, StrataError } from '../errors.js';

/** Facts of an {@link OutOfDeviceMemoryError}. */
export interface OutOfDeviceMemoryDetails {
  /** The tfjs op that asked. */
  readonly op: string;
  readonly requestedBytes: number;
  readonly freeBytes: number;
  readonly budgetBytes: number;
  /** The largest block that could still be had; less than `freeBytes` when memory is fragmented. */
  readonly largestFreeBytes: number;
}

/** A tensor does not fit into the device's memory budget. Nothing was allocated; earlier tensors are intact. */
export class OutOfDeviceMemoryError extends StrataError {
  constructor(details: OutOfDeviceMemoryDetails) {
    const { op, requestedBytes, freeBytes, budgetBytes } = details;
    super(
      'ERR_STRATA_OUT_OF_DEVICE_MEMORY',
      `${op}: device memory must hold ${formatBytes(requestedBytes)} more, got ${formatBytes(freeBytes)} free of a ` +
        `budget of ${formatBytes(budgetBytes)}; raise the budget, use more devices or a smaller model`,
      { ...details },
    );
  }
}

registerErrorClass(OutOfDeviceMemoryError);
