/** Debug check that all ranks of a group make the same call: compared before the collective runs. */
import { type CommArray, CommMismatchError, type ReduceOp } from '@strata-ml/core';
import { elementTypeOf } from '../library/handles.js';

const OPERATIONS = ['barrier', 'broadcast', 'reduce', 'allReduce', 'reduceScatter', 'allGather', 'allToAll', 'split'];
const TYPES = ['float32', 'float64', 'int32', 'uint32', 'uint16', 'uint8'];
const OPS = ['sum', 'max', 'min', 'prod'];

/** Length of a signature in float64 words. */
export const SIGNATURE_WORDS = 5;

/** The call as numbers; −1 where something does not apply. */
export function signatureOf(operation: string, data?: CommArray, length = -1, root = -1, op?: ReduceOp): Float64Array {
  const type = data ? TYPES.indexOf(elementTypeOf(data)) : -1;
  return Float64Array.of(OPERATIONS.indexOf(operation), type, length, root, op ? OPS.indexOf(op) : -1);
}

/**
 * Compares the signatures of all ranks; the odd one out is the rank that differs from most.
 *
 * @throws {@link CommMismatchError} that names the ranks that differ and both calls.
 */
export function compareSignatures(all: Float64Array, ranks: readonly number[]): void {
  const texts = ranks.map((_, i) => describe(all.subarray(i * SIGNATURE_WORDS, (i + 1) * SIGNATURE_WORDS)));
  const votes = new Map<string, number>();
  for (const text of texts) votes.set(text, (votes.get(text) ?? 0) + 1);
  if (votes.size === 1) return;
  const expected = [...votes.entries()].reduce((a, b) => (b[1] > a[1] ? b : a))[0];
  const odd = ranks.filter((_, i) => texts[i] !== expected);
  const got = texts.find((text) => text !== expected);
  throw new CommMismatchError(`all ranks of the group must call ${expected}, got ${got} from rank ${odd.join(', ')}`, {
    ranks: odd,
    expected,
    got,
  });
}

function describe(words: Float64Array): string {
  const [operation, type, length, root, op] = words as unknown as [number, number, number, number, number];
  const parts = [
    type >= 0 ? TYPES[type] : '',
    length >= 0 ? `[${length}]` : '',
    root >= 0 ? `root ${root}` : '',
    op >= 0 ? OPS[op] : '',
  ].filter((p) => p !== '');
  return `${OPERATIONS[operation] ?? 'unknown'}(${parts.join(' ')})`;
}
