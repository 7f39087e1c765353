/** What precedes every message between stages: both ends know what must come, and say so when something else does. */
import { CommMismatchError } from '@strata-ml/core';
import type { BoundaryMessage } from '../train/hooks.js';

/** int32 words of a header. */
export const HEADER_WORDS = 8;

/** Puts a header together. */
export function encodeHeader(message: BoundaryMessage, payloadBytes: number): Int32Array {
  const { direction, boundary, microBatch, iteration, rows, width, isDrain } = message;
  return Int32Array.of(
    direction === 'forward' ? 0 : 1,
    boundary,
    microBatch,
    iteration,
    rows,
    width,
    isDrain ? 1 : 0,
    payloadBytes,
  );
}

/**
 * Compares a header with what was expected; returns the payload's bytes.
 *
 * @throws {@link CommMismatchError} that names stage, micro-batch and direction of both.
 */
export function checkHeader(header: Int32Array, expected: BoundaryMessage, from: number): number {
  const wanted = encodeHeader(expected, 0);
  for (let word = 0; word < HEADER_WORDS - 1; word++) {
    if (header[word] !== wanted[word]) {
      throw new CommMismatchError(
        `pipeline: message from stage ${from} must be ${describe(wanted)}, got ${describe(header)}; ` +
          'all ranks must run the same schedule',
        { expected: [...wanted], got: [...header] },
      );
    }
  }
  return header[HEADER_WORDS - 1]!;
}

function describe([direction, boundary, microBatch, iteration, rows, width]: ArrayLike<number> &
  Iterable<number>): string {
  return `${direction === 0 ? 'forward' : 'backward'} of micro-batch ${microBatch} across boundary ${boundary}, step ${iteration}, [${rows}, ${width}]`;
}
