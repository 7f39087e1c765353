/** The failure of a full device memory. It lives in the lowest package so that every engine throws the same class. */
import { StrataError } from './errors.js';

/** What {@link OutOfDeviceMemoryError} knows about the refused request; all sizes in bytes. */
export interface OutOfDeviceMemoryDetails {
  /** Kernel or call that asked, e.g. `Add`. */
  readonly op: string;
  /** Bytes asked for. */
  readonly askedBytes: number;
  /** Bytes of the budget that nothing uses. */
  readonly freeBytes: number;
  /** Largest contiguous free block; smaller than `freeBytes` when the memory is fragmented. */
  readonly largestFreeBytes: number;
  /** The whole budget of this device. */
  readonly budgetBytes: number;
}

/** A tensor does not fit into the memory budget of this device. Earlier tensors are intact. */
export class OutOfDeviceMemoryError extends StrataError {
  /** @param facts - the request and the state of the memory at that moment */
  constructor(facts: OutOfDeviceMemoryDetails) {
    const { op, askedBytes, freeBytes, largestFreeBytes, budgetBytes } = facts;
    super(
      'ERR_STRATA_DEVICE_MEMORY',
      `${op}: ${askedBytes} bytes must fit into the device memory, got ${freeBytes} bytes free ` +
        `(largest free block ${largestFreeBytes}) of a budget of ${budgetBytes}; ` +
        'dispose tensors, use tf.tidy, or raise memoryBytes',
      { ...facts },
    );
  }
}
