/**
 * What each operation is counted as. Inside a collective the MPI library chooses the algorithm, so the bytes are modelled:
 * those of the direct algorithm, where every block travels straight from the rank that has it to the rank that needs it
 * (what the thread transport does, so that both ledgers agree). Point-to-point messages are counted as they are sent.
 */
import type { CommOptions, LinkClass, TrafficLedger } from '@strata-ml/core';

/** Bytes that leave this rank for each rank of the group, in group order. */
export type Outgoing = readonly number[];

/** Adds what leaves this rank to its ledger, by link class of the receiver. */
export function countOutgoing(
  ledger: TrafficLedger,
  classOf: (groupRank: number) => LinkClass,
  rank: number,
  outgoing: Outgoing,
  { phase = 'other', layer }: CommOptions,
): void {
  outgoing.forEach((bytes, to) => {
    if (to !== rank && bytes > 0) ledger.add(classOf(to), phase, layer, bytes, 1);
  });
}

/** All-reduce = reduce-scatter + all-gather over one segment per rank: 2(P−1)/P·n bytes per rank in all. */
export function allReduceOutgoing(rank: number, size: number, length: number, bytesPerElement: number): Outgoing {
  const segments = segmentCounts(length, size);
  return segments.map((n) => (n + segments[rank]!) * bytesPerElement);
}

/** The root sends everything to everyone. */
export function broadcastOutgoing(rank: number, size: number, root: number, bytes: number): Outgoing {
  return Array.from({ length: size }, () => (rank === root ? bytes : 0));
}

/** Everyone sends everything to the root. */
export function reduceOutgoing(size: number, root: number, bytes: number): Outgoing {
  return Array.from({ length: size }, (_, r) => (r === root ? bytes : 0));
}

/** Every rank's own block goes to everyone. */
export function allGatherOutgoing(size: number, bytes: number): Outgoing {
  return Array.from({ length: size }, () => bytes);
}

/** Elements of each rank's segment when `length` elements are divided over `size` ranks: ⌈n/P⌉ each while they last. */
export function segmentCounts(length: number, size: number): number[] {
  const each = Math.ceil(length / size);
  return Array.from({ length: size }, (_, r) => Math.max(0, Math.min(length, (r + 1) * each) - r * each));
}
