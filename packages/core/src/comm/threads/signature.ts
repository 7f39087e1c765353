/** What a member of a group calls, in a few numbers that all members compare: are they in step? */
import { CommMismatchError } from '../../errors.js';
import { ELEMENT_TYPES, type ElementType, REDUCE_OPS } from '../dtype.js';
import type { Signature } from './GroupControl.js';

/** Names of the collectives by code. */
export const OPERATIONS = ['barrier', 'broadcast', 'reduce', 'allReduce', 'reduceScatter', 'allGather'] as const;
/** A collective that moves through slots. */
export type Operation = (typeof OPERATIONS)[number];

/** A member's call. */
export interface Call {
  /** World rank. */
  readonly rank: number;
  readonly signature: Signature;
}

/** The signature of a call. */
export function signatureOf(
  operation: Operation,
  type: ElementType,
  reduceOp: number,
  root: number,
  counts: readonly number[],
): Signature {
  return {
    word: OPERATIONS.indexOf(operation) | (type.code << 8) | (reduceOp << 16),
    root,
    length: counts.reduce((sum, n) => sum + n, 0),
    counts: hashOf(counts),
  };
}

/**
 * Compares what members call. The rarer call is the wrong one; among equally frequent ones, that of the higher rank.
 *
 * @throws {@link CommMismatchError} that names the ranks that differ.
 */
export function checkInStep(name: string, mine: Call, calls: readonly Call[]): void {
  if (calls.every((c) => isSameCall(c.signature, mine.signature))) return;
  const votes = (s: Signature) => calls.filter((c) => isSameCall(c.signature, s)).length;
  let expected = calls[0]!.signature;
  for (const c of calls) if (votes(c.signature) > votes(expected)) expected = c.signature;
  // If those I compare with agree among themselves, it is me who differs.
  const others = calls.filter((c) => !isSameCall(c.signature, expected));
  const odd = others.length > 0 ? others : [mine];
  const ranks = odd.map((c) => c.rank);
  const got = describe(odd[0]!.signature);
  throw new CommMismatchError(
    `${name}: all ranks of the group must call ${describe(expected)}, got ${got} from rank ${ranks.join(', ')}`,
    { ranks, expected: describe(expected), got },
  );
}

function describe({ word, root, length }: Signature): string {
  const operation = OPERATIONS[word & 255] ?? 'unknown';
  if (operation === 'barrier') return 'barrier';
  const type = ELEMENT_TYPES[(word >> 8) & 255]?.name ?? '?';
  const op = operation === 'reduce' || operation === 'allReduce' || operation === 'reduceScatter';
  const rooted = operation === 'reduce' || operation === 'broadcast' ? ` root ${root}` : '';
  return `${operation} ${type}[${length}]${op ? ` ${REDUCE_OPS[word >> 16]}` : ''}${rooted}`;
}

/** True if two members call the same. */
export function isSameCall(a: Signature, b: Signature): boolean {
  return a.word === b.word && a.root === b.root && a.length === b.length && a.counts === b.counts;
}

/** FNV-1a over the block lengths. */
function hashOf(counts: readonly number[]): number {
  let h = 0x811c9dc5;
  for (const n of counts) h = Math.imul(h ^ n, 0x01000193);
  return h | 0;
}
