/** Checks the arguments of a communication call before anything is sent. */
import { type CommArray, OptionError, type ReduceOp, ShapeError } from '@strata-ml/core';

/** @throws {@link OptionError} unless `rank` is one of the group's. */
export function checkRank(where: string, what: string, rank: number, size: number): void {
  if (!Number.isInteger(rank) || rank < 0 || rank >= size) {
    throw new OptionError(where, what, rank, `a rank of the group, 0 … ${size - 1}`);
  }
}

/** @throws {@link OptionError} unless the library can send `tag`. */
export function checkTag(where: string, tag: number, maxTag: number): void {
  if (!Number.isInteger(tag) || tag < 0 || tag > maxTag) {
    throw new OptionError(where, 'tag', tag, `an integer in [0, ${maxTag}]`);
  }
}

/** @throws {@link ShapeError} unless `data` has `expected` elements. */
export function checkLength(where: string, what: string, data: CommArray, expected: number): void {
  if (data.length !== expected) throw new ShapeError(where, what, [data.length], `[${expected}]`);
}

/** @throws {@link OptionError} unless both arrays have the same element type. */
export function checkSameType(where: string, input: CommArray, output: CommArray): void {
  if (input.constructor !== output.constructor) {
    throw new OptionError(where, 'output', output.constructor.name, `a ${input.constructor.name}, as input is`);
  }
}

/** @throws {@link OptionError} unless there is one non-negative count per rank. */
export function checkCounts(where: string, what: string, counts: readonly number[], size: number): number {
  if (counts.length !== size) throw new OptionError(where, what, counts.length, `${size} counts, one per rank`);
  let sum = 0;
  for (const n of counts) {
    if (!Number.isInteger(n) || n < 0) throw new OptionError(where, what, n, 'integers ≥ 0');
    sum += n;
  }
  return sum;
}

/** @throws {@link OptionError} unless `op` is a reduction. */
export function checkOp(where: string, op: ReduceOp): void {
  if (!REDUCE_OPS.includes(op)) throw new OptionError(where, 'op', op, `one of ${REDUCE_OPS.join(', ')}`);
}

const REDUCE_OPS: readonly ReduceOp[] = ['sum', 'max', 'min', 'prod'];
