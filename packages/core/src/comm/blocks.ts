/** How a vector is divided over the ranks of a group. */

/**
 * Divides n elements over `parts` as evenly as can be: the first n mod parts blocks hold one more.
 *
 * @example
 * evenCounts(10, 4); // => [3, 3, 2, 2]
 */
export function evenCounts(n: number, parts: number): number[] {
  const low = Math.floor(n / parts);
  const longer = n - low * parts;
  return Array.from({ length: parts }, (_, i) => (i < longer ? low + 1 : low));
}

/** Where each block begins, and the total at the end: `[parts + 1]`. */
export function offsetsOf(counts: readonly number[]): number[] {
  const offsets = [0];
  for (const count of counts) offsets.push(offsets[offsets.length - 1]! + count);
  return offsets;
}
