/** The check that most kernels begin with. */
import { ShapeError } from './errors.js';

/** Throws unless every array has its length. */
export function checkLengths(
  where: string,
  arrays: Readonly<Record<string, readonly [array: ArrayLike<number>, length: number]>>,
): void {
  for (const [name, [array, length]] of Object.entries(arrays)) {
    if (array.length !== length) throw new ShapeError(where, name, [array.length], `[${length}]`);
  }
}
