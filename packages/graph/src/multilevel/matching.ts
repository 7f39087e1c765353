/**
 * Matchings for coarsening: sorted heavy edges, and two-hop pairs where stars leave most vertices alone.
 *
 * Karypis, Kumar: "A Fast and High Quality Multilevel Scheme for Partitioning Irregular Graphs", SISC 1998 (heavy edges).
 * LaSalle et al.: "Improving Graph Partitioning for Modern Graphs and Architectures", IA3 2015 (two hops).
 */
import type { Sequence } from '../generate/Sequence.js';
import type { LevelGraph } from './LevelGraph.js';

/** Above this share of vertices without partner, pairs at distance two are matched too (METIS: 0.1). */
const LONELY_SHARE = 0.1;

/**
 * Partner of each vertex (itself if none), int32 `[n]`. Cost: O(n + arcs).
 *
 * Vertices take their turn by ascending degree, at random within a degree, so that those with few choices choose first;
 * each takes its free neighbour of the highest rating ω² / weight, ω the weight of the edge (Holtgrewe, Sanders, Schulz:
 * "Engineering a Scalable High Quality Graph Partitioner", IPDPS 2010), in graphs with hubs ω² / (weight · degree), lest
 * the hubs swallow everything. No pair is heavier than `heaviest` in any weight.
 *
 * @param heaviest - float64 `[constraints]`
 */
export function matchVertices(g: LevelGraph, heaviest: Float64Array, random: Sequence): Int32Array {
  const { n, rowPtr, neighbours, arcWeights, vertexWeights, constraints } = g;
  const partner = new Int32Array(n).fill(-1);
  const order = byDegree(g, random);
  const isSkewed = hasHubs(g);
  let alone = 0;
  for (let i = 0; i < n; i++) {
    const v = order[i]!;
    if (partner[v] !== -1) continue;
    let best = -1;
    let bestRating = 0;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
      const u = neighbours[e]!;
      if (partner[u] !== -1) continue;
      const weight = arcWeights ? arcWeights[e]! : 1;
      const spread = isSkewed ? rowPtr[u + 1]! - rowPtr[u]! : 1;
      const rating = (weight * weight) / (vertexWeights[u * constraints]! * spread);
      if (rating <= bestRating) continue;
      if (!fits(vertexWeights, constraints, v, u, heaviest)) continue;
      best = u;
      bestRating = rating;
    }
    if (best === -1) {
      alone++;
      continue;
    }
    partner[v] = best;
    partner[best] = v;
  }
  if (alone > LONELY_SHARE * n) matchTwoHops(g, heaviest, order, partner);
  for (let v = 0; v < n; v++) if (partner[v] === -1) partner[v] = v;
  return partner;
}

/** Pairs vertices without partner that share their heaviest neighbour; those of degree 0 with each other. */
function matchTwoHops(g: LevelGraph, heaviest: Float64Array, order: Int32Array, partner: Int32Array): void {
  const { n, rowPtr, neighbours, arcWeights, vertexWeights, constraints } = g;
  const waiting = new Int32Array(n + 1).fill(-1);
  for (let i = 0; i < n; i++) {
    const v = order[i]!;
    if (partner[v] !== -1) continue;
    let pivot = n;
    let pivotWeight = 0;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
      const weight = arcWeights ? arcWeights[e]! : 1;
      if (weight <= pivotWeight) continue;
      pivot = neighbours[e]!;
      pivotWeight = weight;
    }
    const other = waiting[pivot]!;
    if (other >= 0 && fits(vertexWeights, constraints, v, other, heaviest)) {
      partner[v] = other;
      partner[other] = v;
      waiting[pivot] = -1;
    } else waiting[pivot] = v;
  }
}

function fits(weights: Int32Array, constraints: number, v: number, u: number, heaviest: Float64Array): boolean {
  for (let c = 0; c < constraints; c++) {
    if (weights[v * constraints + c]! + weights[u * constraints + c]! > heaviest[c]!) return false;
  }
  return true;
}

/** True if some vertex has more than 10 times the mean degree. */
function hasHubs({ n, rowPtr }: LevelGraph): boolean {
  const limit = (10 * rowPtr[n]!) / n;
  for (let v = 0; v < n; v++) if (rowPtr[v + 1]! - rowPtr[v]! > limit) return true;
  return false;
}

/** Vertices by ascending degree (all from 0.7 times the mean on count as equal, as in METIS), shuffled within a degree. */
function byDegree({ n, rowPtr }: LevelGraph, random: Sequence): Int32Array {
  const shuffled = shuffledIds(n, random);
  const most = Math.max(1, Math.floor((0.7 * rowPtr[n]!) / Math.max(1, n)));
  const start = new Int32Array(most + 2);
  const key = (v: number) => Math.min(most, rowPtr[v + 1]! - rowPtr[v]!);
  for (let v = 0; v < n; v++) start[key(v) + 1]!++;
  for (let d = 0; d <= most; d++) start[d + 1]! += start[d]!;
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const v = shuffled[i]!;
    order[start[key(v)]!++] = v;
  }
  return order;
}

/** 0 … n − 1 in random order. */
export function shuffledIds(n: number, random: Sequence): Int32Array {
  const ids = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const j = random.below(i + 1);
    ids[i] = ids[j]!;
    ids[j] = i;
  }
  return ids;
}
