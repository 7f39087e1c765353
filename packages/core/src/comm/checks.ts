/** Checks of the arguments that every transport makes before it communicates. */
import { OptionError, ShapeError } from '../errors.js';
import type { CommArray } from './ProcessGroup.js';

/** @throws {@link OptionError} unless `value` is a member index of a group of `size`. */
export function checkMember(where: string, name: string, value: number, size: number): void {
  if (!(Number.isInteger(value) && value >= 0 && value < size)) {
    throw new OptionError(where, name, value, `a rank of the group, in [0, ${size})`);
  }
}

/** @throws {@link OptionError} unless `tag` is an integer in [0, 2³¹). */
export function checkTag(where: string, tag: number): void {
  if (!(Number.isInteger(tag) && tag >= 0 && tag < 2 ** 31)) {
    throw new OptionError(where, 'tag', tag, 'an integer in [0, 2^31)');
  }
}

/** @throws {@link ShapeError} unless the array has `length` elements. */
export function checkLength(where: string, name: string, array: CommArray, length: number, why: string): void {
  if (array.length !== length) throw new ShapeError(where, name, [array.length], `[${length}] (${why})`);
}

/** @throws {@link OptionError} unless both arrays have one element type. */
export function checkSameType(where: string, input: CommArray, output: CommArray): void {
  if (input.constructor !== output.constructor) {
    throw new OptionError(where, 'output', output.constructor.name, `${input.constructor.name} like the input`);
  }
}

/** @throws {@link OptionError} unless there is one whole number ≥ 0 for each member. */
export function checkCounts(where: string, name: string, counts: readonly number[], size: number): void {
  const isValid = counts.length === size && counts.every((n) => Number.isInteger(n) && n >= 0);
  if (!isValid) throw new OptionError(where, name, JSON.stringify(counts), `${size} whole numbers ≥ 0, one per rank`);
}
