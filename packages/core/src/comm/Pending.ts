/** Operations in flight, as the wait loop of a transport sees them. */
import type { Work } from './ProcessGroup.js';

/** An operation in flight. */
export interface Pending {
  /** What it is, for messages: `allReduce (gradient)`. */
  readonly name: string;
  readonly isDone: boolean;
  /** What went wrong; `isDone` is true then. */
  readonly error: Error | undefined;
  /** Changes whenever the operation gets further; a time-out counts from the last change. */
  readonly advances: number;
  /** World ranks without which it cannot go on; empty if it only waits for a link. */
  missing(): readonly number[];
}

/** Work that is complete from the start. */
export const COMPLETED_WORK: Work = { wait: () => {}, done: Promise.resolve() };

/** Work that is complete when all parts are. */
export function allOf(parts: readonly Work[]): Work {
  return {
    wait: () => {
      for (const part of parts) part.wait();
    },
    get done() {
      return Promise.all(parts.map((part) => part.done)).then(() => {});
    },
  };
}
