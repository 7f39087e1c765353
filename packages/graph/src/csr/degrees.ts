/** Degrees and what they look like as a whole. */
import { sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from './CsrGraph.js';

/** In- and out-degree of every vertex, self-loops included. int32 `[n]` each. */
export interface Degrees {
  /** Length of each row. */
  readonly inDegrees: Int32Array;
  /** How often each vertex is a neighbour. */
  readonly outDegrees: Int32Array;
}

/** One bar of a histogram by powers of two. */
export interface DegreeBar {
  /** Smallest degree counted. */
  readonly from: number;
  /** Largest degree counted, inclusive. */
  readonly to: number;
  /** Vertices. */
  readonly count: number;
}

/** What {@link degreeStatistics} reports, about in-degrees (= degrees, if the graph is symmetric). */
export interface DegreeStatistics {
  readonly numVertices: number;
  /** Stored edges, self-loops included. */
  readonly numEdges: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly median: number;
  /** Smallest degree that at least p % of the vertices do not exceed (nearest rank). */
  readonly percentiles: { readonly p25: number; readonly p75: number; readonly p90: number; readonly p99: number };
  /** Vertices without any edge but self-loops, in or out. */
  readonly isolated: number;
  readonly selfLoops: number;
  /** Degree 0, then 1, 2–3, 4–7, … up to the largest. */
  readonly histogram: readonly DegreeBar[];
}

/** In- and out-degrees. Cost: O(n + m). */
export function degrees(g: CsrGraph): Degrees {
  const { numVertices: n, indptr, indices } = g;
  const inDegrees = sharedInt32(n);
  const outDegrees = sharedInt32(n);
  for (let v = 0; v < n; v++) inDegrees[v] = indptr[v + 1]! - indptr[v]!;
  for (let e = 0; e < indices.length; e++) outDegrees[indices[e]!]!++;
  return { inDegrees, outDegrees };
}

/** Summary of the in-degrees. All zero for a graph without vertices. Cost: O(n + m + largest degree). */
export function degreeStatistics(g: CsrGraph): DegreeStatistics {
  const { numVertices: n, indptr, indices } = g;
  const isTouched = new Uint8Array(n);
  let selfLoops = 0;
  let max = 0;
  for (let v = 0; v < n; v++) {
    max = Math.max(max, indptr[v + 1]! - indptr[v]!);
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (u === v) selfLoops++;
      else isTouched[u] = isTouched[v] = 1;
    }
  }
  const counts = new Int32Array(max + 1);
  for (let v = 0; v < n; v++) counts[indptr[v + 1]! - indptr[v]!]!++;
  let isolated = 0;
  for (let v = 0; v < n; v++) if (isTouched[v] === 0) isolated++;

  const bars = max === 0 ? 1 : 2 + Math.floor(Math.log2(max));
  const histogram: DegreeBar[] = [];
  for (let b = 0; b < bars; b++) {
    const from = b === 0 ? 0 : 2 ** (b - 1);
    const to = b === 0 ? 0 : Math.min(2 ** b - 1, max);
    let count = 0;
    for (let d = from; d <= to; d++) count += counts[d]!;
    histogram.push({ from, to, count });
  }
  const atRank = (rank: number) => {
    let passed = 0;
    for (let d = 0; d <= max; d++) {
      passed += counts[d]!;
      if (passed >= rank) return d;
    }
    return 0;
  };
  const percentile = (p: number) => atRank(Math.max(1, Math.ceil((p / 100) * n)));
  return {
    numVertices: n,
    numEdges: indices.length,
    min: atRank(1),
    max,
    mean: n === 0 ? 0 : indices.length / n,
    median: (atRank(Math.ceil(n / 2)) + atRank(Math.floor(n / 2) + 1)) / 2,
    percentiles: { p25: percentile(25), p75: percentile(75), p90: percentile(90), p99: percentile(99) },
    isolated,
    selfLoops,
    histogram,
  };
}
