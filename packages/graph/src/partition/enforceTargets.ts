/** Last repair of a partition: hard caps and minimums hold afterwards, at the least loss. */
import type { LevelGraph } from '../multilevel/LevelGraph.js';
import type { Targets } from './Targets.js';

/** How much a vertex wants to be in a part: its neighbours there, or a score that stands for them. */
export type Attraction = (vertex: number, part: number) => number;

/**
 * Moves vertices, in place, until no part exceeds its cap or misses its minimum. O(parts) where nothing is wrong.
 *
 * Parts that must give, give the vertices that lose least by going to the relatively smallest part that may take.
 *
 * @param source - the graph whose edges count, or the number of vertices together with `attraction`
 */
export function enforceTargets(
  source: LevelGraph | number,
  { shares, caps, minimums }: Targets,
  partOf: Int32Array,
  attraction: Attraction = neighboursIn(source as LevelGraph, partOf),
): void {
  const n = typeof source === 'number' ? source : source.n;
  const parts = shares.length;
  const sizes = new Int32Array(parts);
  for (let v = 0; v < n; v++) sizes[partOf[v]!]!++;
  const smallest = (limits: Int32Array) => {
    let best = -1;
    for (let p = 0; p < parts; p++) {
      if (sizes[p]! >= limits[p]!) continue;
      if (best < 0 || sizes[p]! * shares[best]! < sizes[best]! * shares[p]!) best = p;
    }
    return best;
  };
  for (let from = 0; from < parts; from++) {
    if (sizes[from]! <= caps[from]!) continue;
    const leaving = cheapest(from, sizes[from]! - caps[from]!, smallest(caps));
    for (const v of leaving) place(v, smallest(caps));
  }
  for (let to = 0; to < parts; to++) {
    while (sizes[to]! < minimums[to]!) {
      let from = -1;
      for (let p = 0; p < parts; p++) {
        if (sizes[p]! > minimums[p]! && (from < 0 || sizes[p]! * shares[from]! > sizes[from]! * shares[p]!)) from = p;
      }
      place(cheapest(from, 1, to)[0]!, to);
    }
  }

  function place(v: number, part: number): void {
    sizes[partOf[v]!]!--;
    sizes[part]!++;
    partOf[v] = part;
  }

  function cheapest(from: number, count: number, to: number): Int32Array {
    const members = new Int32Array(sizes[from]!);
    const losses = new Float64Array(n > 0 ? members.length : 0);
    for (let v = 0, i = 0; v < n; v++) {
      if (partOf[v] !== from) continue;
      members[i] = v;
      losses[i++] = attraction(v, from) - attraction(v, to);
    }
    const order = Int32Array.from(members.keys()).sort((a, b) => losses[a]! - losses[b]! || a - b);
    return order.subarray(0, count).map((i) => members[i]!);
  }
}

function neighboursIn({ rowPtr, neighbours, arcWeights }: LevelGraph, partOf: Int32Array): Attraction {
  return (v, part) => {
    let sum = 0;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
      if (partOf[neighbours[e]!] === part) sum += arcWeights ? arcWeights[e]! : 1;
    }
    return sum;
  };
}
