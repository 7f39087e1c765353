/** What preparing holds, from counts alone: compared with the budget before anything large is written. */
import { OptionError } from '@strata-ml/core';
import type { EdgeBuckets } from './EdgeBuckets.js';
import type { VertexOrder } from './VertexOrder.js';

/** int32 order, position, part, in- and out-degree, column; labels; three masks. */
const BYTES_PER_VERTEX = 7 * 4 + 3;
/** Pairs as read (8) and sorted (4); then rows (4) beside the block of both directions (16). */
const BYTES_PER_EDGE = 20;
/** Pieces of the stream, buffers of the runs, code. */
const FIXED = 8 * 2 ** 20;

/** Most bytes that preparing holds at once, beside what the caller holds. */
export function preparePeakBytes(buckets: EdgeBuckets, { offsets, order }: VertexOrder, columns: number): number {
  let largest = 0;
  for (const [p, edges] of buckets.counts.entries()) {
    const rows = offsets[p + 1]! - offsets[p]!;
    // A boundary has no more entries than edges, nor than vertices outside.
    const expanded = rows + Math.min(edges, order.length - rows);
    largest = Math.max(largest, BYTES_PER_EDGE * (edges + rows) + 8 * (rows + expanded), 4 * columns * rows);
  }
  return FIXED + BYTES_PER_VERTEX * order.length + largest;
}

/** @throws {@link OptionError} that says how much is needed. */
export function checkPrepareBudget(needed: number, hostMemory: number, parts: number): void {
  if (needed <= hostMemory) return;
  throw new OptionError(
    'prepareGraph',
    'hostMemory',
    hostMemory,
    `at least ${needed} bytes for ${parts} parts`,
    'raise it, or cut the graph into more parts',
  );
}
