/** What block memory asks of a drive. */

/** Why bytes move, as the counters name it. */
export type TransferPurpose = 'block' | 'spill';

/** Moves blocks between their place in the arena and the drive. `spill`: sums that are not complete yet. */
export interface BlockIo {
  /** Starts reading; earlier writes of the block are done. */
  read(block: number, offset: number, purpose: TransferPurpose): void;
  /** Starts writing; the range is not touched until {@link BlockIo.settle}. */
  write(block: number, offset: number, purpose: TransferPurpose): void;
  /** Blocks until the block's transfer, if one is under way, is done. @throws `StorageError` */
  settle(block: number): void;
}

/** Moves nothing: plays a plan to see what it would cost. */
export const NO_IO: BlockIo = { read: () => {}, write: () => {}, settle: () => {} };
