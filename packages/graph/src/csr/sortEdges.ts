/**
 * Sorts edges by destination, then source: stable counting sorts by digits (LSD radix).
 *
 * One counting sort by vertex would write to n places at once and miss the cache at every edge; digits keep the number
 * of open write streams small enough for the caches and the TLB.
 */

/** Most bits of a digit: 2¹⁰ write streams. */
const DIGIT_BITS = 10;

/** Edges in memory; both arrays are replaced by sorting. */
export interface SortableEdges {
  /** source, destination, source, destination, … int32 `[2 · count]`. */
  pairs: Int32Array<ArrayBuffer>;
  /** float32 `[count]`. */
  weights: Float32Array<ArrayBuffer> | undefined;
}

/** Sorts in place, with one buffer of the same size; equal edges keep their order. Ids are in 0 … n − 1. */
export function sortEdges(edges: SortableEdges, n: number): void {
  const bits = Math.max(1, 32 - Math.clz32(Math.max(0, n - 1)));
  const digits = Math.ceil(bits / DIGIT_BITS);
  const width = Math.ceil(bits / digits);
  let target: SortableEdges = {
    pairs: new Int32Array(edges.pairs.length),
    weights: edges.weights && new Float32Array(edges.weights.length),
  };
  let from: SortableEdges = { ...edges };
  for (const field of [0, 1]) {
    for (let d = 0; d < digits; d++) {
      if (sortByDigit(from, target, field, d * width, 2 ** width)) [from, target] = [target, from];
    }
  }
  edges.pairs = from.pairs;
  edges.weights = from.weights;
}

/** One stable pass; false if all edges have the same digit and nothing was written. */
function sortByDigit(from: SortableEdges, to: SortableEdges, field: number, shift: number, buckets: number): boolean {
  const { pairs, weights } = from;
  const length = pairs.length;
  const mask = buckets - 1;
  const start = new Uint32Array(buckets);
  for (let i = field; i < length; i += 2) start[(pairs[i]! >>> shift) & mask]!++;
  let sum = 0;
  for (let b = 0; b < buckets; b++) {
    const count = start[b]!;
    if (2 * count === length) return false;
    start[b] = sum;
    sum += count;
  }
  const out = to.pairs;
  for (let i = 0; i < length; i += 2) {
    const b = (pairs[i + field]! >>> shift) & mask;
    const at = start[b]!++;
    out[2 * at] = pairs[i]!;
    out[2 * at + 1] = pairs[i + 1]!;
    if (weights) to.weights![at] = weights[i / 2]!;
  }
  return true;
}
