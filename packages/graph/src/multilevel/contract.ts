/** The next coarser level: matched vertices become one, parallel edges add up. */
import type { LevelGraph } from './LevelGraph.js';

/** Arrays of the finest level's size that all contractions write through. */
export interface ContractionBuffer {
  readonly neighbours: Int32Array;
  readonly weights: Int32Array;
}

/** A coarser graph, and which of its vertices each finer one became. */
export interface Contraction {
  readonly graph: LevelGraph;
  /** int32 `[n]` of the finer graph. */
  readonly coarseOf: Int32Array;
}

/** A buffer that holds any coarsening of `g`. */
export function contractionBuffer(g: LevelGraph): ContractionBuffer {
  return { neighbours: new Int32Array(g.neighbours.length), weights: new Int32Array(g.neighbours.length) };
}

/** Contracts every vertex with its partner (int32 `[n]`, itself if none). Cost: O(n + arcs). */
export function contract(g: LevelGraph, partner: Int32Array, buffer: ContractionBuffer): Contraction {
  const { n, rowPtr, neighbours, arcWeights, vertexWeights, constraints } = g;
  const coarseOf = new Int32Array(n);
  let count = 0;
  for (let v = 0; v < n; v++) coarseOf[v] = partner[v]! < v ? coarseOf[partner[v]!]! : count++;
  const coarsePtr = new Int32Array(count + 1);
  const weights = new Int32Array(count * constraints);
  const { neighbours: out, weights: outWeights } = buffer;
  // Where the arc to a coarse vertex stands in the row being written; older entries lie before the row.
  const slot = new Int32Array(count).fill(-1);
  let at = 0;
  let row = 0;
  for (let v = 0; v < n; v++) {
    const other = partner[v]!;
    if (other < v) continue;
    const begin = at;
    for (let member = v; ; member = other) {
      for (let c = 0; c < constraints; c++) weights[row * constraints + c]! += vertexWeights[member * constraints + c]!;
      for (let e = rowPtr[member]!, end = rowPtr[member + 1]!; e < end; e++) {
        const u = coarseOf[neighbours[e]!]!;
        if (u === row) continue;
        const weight = arcWeights ? arcWeights[e]! : 1;
        const place = slot[u]!;
        if (place >= begin) outWeights[place]! += weight;
        else {
          slot[u] = at;
          out[at] = u;
          outWeights[at++] = weight;
        }
      }
      if (member === other) break;
    }
    coarsePtr[++row] = at;
  }
  return {
    coarseOf,
    graph: {
      n: count,
      rowPtr: coarsePtr,
      neighbours: out.slice(0, at),
      arcWeights: outWeights.slice(0, at),
      vertexWeights: weights,
      constraints,
    },
  };
}
