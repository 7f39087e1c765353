/**
 * What each operation is counted as. Inside a collective the MPI library chooses the algorithm, so the bytes are modelled:
 * those of the direct algorithm, where every block travels straight from the rank that has it to the rank that needs it
 * (what the thread transport does, so that both ledgers agree). Point-to-point messages are counted as they are sent.
 * MPI's own headers are not visible, so `headerBytes` stays 0.
 */
import type { CommOptions, LinkClass, TrafficLedger } from '@strata-ml/core';

/** Bytes that leave this rank for each rank of the group, in group order. */
export type Outgoing = readonly number[];

/** Adds what leaves this rank to its ledger, by link class of the receiver; empty messages are not sent. */
export function countOutgoing(
  ledger: TrafficLedger,
  classOf: (groupRank: number) => LinkClass,
  rank: number,
  outgoing: Outgoing,
  { phase = 'other', layer }: CommOptions,
): void {
  for (const [to, bytes] of outgoing.entries()) {
    if (to !== rank && bytes > 0) ledger.add(classOf(to), phase, layer, bytes, 1);
  }
}

/** All-reduce = reduce-scatter + all-gather over one segment per rank: 2(P−1)/P·n bytes per rank in all. */
export function allReduceOutgoing(rank: number, size: number, length: number, bytesPerElement: number): Outgoing[] {
  const segments = evenCounts(length, size);
  return [segments.map((n) => n * bytesPerElement), segments.map(() => segments[rank]! * bytesPerElement)];
}

/** The root sends to its own server and to the first rank of each other, which passes it on to its server. */
export function broadcastOutgoing(rank: number, root: number, serverOf: readonly number[], bytes: number): Outgoing {
  const leader = (server: number) => (server === serverOf[root] ? root : serverOf.indexOf(server));
  return serverOf.map((server, to) => {
    const from = to === leader(server) ? root : leader(server);
    return to !== root && from === rank ? bytes : 0;
  });
}

/** Everyone sends everything to the root. */
export function reduceOutgoing(size: number, root: number, bytes: number): Outgoing {
  return Array.from({ length: size }, (_, r) => (r === root ? bytes : 0));
}

/** Every rank's own block goes to everyone. */
export function allGatherOutgoing(size: number, bytes: number): Outgoing {
  return Array.from({ length: size }, () => bytes);
}

/** Divides n elements over `parts` as evenly as can be: the first n mod parts hold one more. */
export function evenCounts(n: number, parts: number): number[] {
  const low = Math.floor(n / parts);
  return Array.from({ length: parts }, (_, i) => (i < n - low * parts ? low + 1 : low));
}
