/**
 * One-vertex-at-a-time greedy placement, the loop that LDG and Fennel share.
 *
 * Stanton, Kliot: "Streaming Graph Partitioning for Large Distributed Graphs", KDD 2012 (LDG). Tsourakakis, Gkantsidis,
 * Radunović, Vojnović: "FENNEL", WSDM 2014. Further passes as in Nishimura, Ugander: "Restreaming Graph Partitioning",
 * KDD 2013, but a vertex leaves its part only when its turn comes, so loads stay those of a full assignment.
 */
import { AbortedError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import type { ResolvedPartitionOptions } from './options.js';
import type { Targets } from './Targets.js';

const PROGRESS_INTERVAL = 65_536;

/** Score of part j for a vertex with c neighbours in it is `c · factor[j] − penalty[j]`; the greatest wins. */
interface Scores {
  readonly factor: Float64Array;
  readonly penalty: Float64Array;
  /** Recomputes the entries of a part whose size changed. */
  update(part: number, size: number): void;
}

/** |N(v) ∩ P_j| · (1 − |P_j| / C_j), C_j = (1 + ε) times the part's ideal size. */
export function ldgScores(n: number, { shares }: Targets, balance: number): Scores {
  const factor = new Float64Array(shares.length);
  return {
    factor,
    penalty: new Float64Array(shares.length),
    update(part, size) {
      factor[part] = 1 - size / (balance * n * shares[part]!);
    },
  };
}

/**
 * |N(v) ∩ P_j| − α γ |P_j|^(γ−1), α = m p^(γ−1) / n^γ. Unequal shares: |P_j| counts relative to the part's share.
 *
 * @param m - undirected edges, self-loops not counted
 */
export function fennelScores(n: number, m: number, { shares }: Targets, gamma: number): Scores {
  const p = shares.length;
  const alpha = (m * p ** (gamma - 1)) / n ** gamma;
  const penalty = new Float64Array(p);
  return {
    factor: new Float64Array(p).fill(1),
    penalty,
    update(part, size) {
      penalty[part] = alpha * gamma * (size / (p * shares[part]!)) ** (gamma - 1);
    },
  };
}

/**
 * Places all vertices of a symmetric graph; `partOf` (int32 `[n]`) is overwritten.
 *
 * Ties go to the part that is smaller relative to its share, then to the lower number. Caps and minimums of `targets`
 * always hold. Cost per pass: O(m + n · parts), allocates O(parts).
 */
export function greedyStream(
  g: CsrGraph,
  targets: Targets,
  scores: Scores,
  order: Int32Array | undefined,
  { passes, signal, onProgress }: Pick<ResolvedPartitionOptions, 'passes' | 'signal' | 'onProgress'>,
  partOf: Int32Array,
): void {
  const { numVertices: n, indptr, indices } = g;
  const { shares, caps, minimums } = targets;
  const { factor, penalty } = scores;
  const p = shares.length;
  const sizes = new Int32Array(p);
  const counts = new Int32Array(p);
  for (let j = 0; j < p; j++) scores.update(j, 0);
  partOf.fill(-1);
  let missing = minimums.reduce((a, b) => a + b, 0);

  for (let pass = 0; pass < passes; pass++) {
    for (let i = 0; i < n; i++) {
      if (i % PROGRESS_INTERVAL === 0) {
        if (i > 0 || pass > 0) onProgress?.({ placed: pass * n + i, total: passes * n });
        if (signal?.aborted) throw new AbortedError('partition: aborted', { placed: pass * n + i });
      }
      const v = order ? order[i]! : i;
      const old = partOf[v]!;
      if (old >= 0) {
        partOf[v] = -1;
        const size = --sizes[old]!;
        if (size < minimums[old]!) missing++;
        scores.update(old, size);
      }
      const begin = indptr[v]!;
      const end = indptr[v + 1]!;
      for (let e = begin; e < end; e++) {
        const q = partOf[indices[e]!]!;
        if (q >= 0) counts[q]!++;
      }
      // When only as many vertices are left as parts still lack, those parts get them.
      const limits = (pass === 0 ? n - i : 1) <= missing ? minimums : caps;
      let best = -1;
      let bestScore = 0;
      for (let j = 0; j < p; j++) {
        const c = counts[j]!;
        counts[j] = 0;
        if (sizes[j]! >= limits[j]!) continue;
        const score = c * factor[j]! - penalty[j]!;
        if (
          best < 0 ||
          score > bestScore ||
          (score === bestScore && sizes[j]! * shares[best]! < sizes[best]! * shares[j]!)
        ) {
          best = j;
          bestScore = score;
        }
      }
      partOf[v] = best;
      const size = ++sizes[best]!;
      if (size <= minimums[best]!) missing--;
      scores.update(best, size);
    }
  }
  onProgress?.({ placed: passes * n, total: passes * n });
}
