/** Positions in a neighbour list, drawn without replacement. */
import type { Rng } from '@strata-ml/core';
import type { RowEdges } from '../plan/edgeBlock.js';
import type { AdjacencyStore } from './AdjacencyStore.js';

/**
 * `min(count, degree)` positions in 0 … degree−1, none twice.
 *
 * In random order, and the first k are what a draw of k gives; all positions, ascending, where count ≥ degree. A Fisher-Yates
 * shuffle that stops after `count` steps, O(count).
 *
 * @param v - counter of the generator: equal keys draw alike for equal vertices
 */
export function drawPositions(degree: number, count: number, rng: Rng, v: number): Int32Array {
  if (count >= degree) return Int32Array.from({ length: degree }, (_, i) => i);
  const moved = new Map<number, number>();
  const drawn = new Int32Array(count);
  for (let i = 0; i < count; i++) {
    const j = i + rng.intAt(degree - i, i, v);
    drawn[i] = moved.get(j) ?? j;
    moved.set(j, moved.get(i) ?? i);
  }
  return drawn;
}

/** Draws up to `count` in-neighbours of each vertex from storage, in the order of {@link drawPositions}. */
export function drawStored(store: AdjacencyStore, vertices: Int32Array, count: number, rng: Rng): RowEdges {
  const indptr = new Int32Array(vertices.length + 1);
  vertices.forEach((v, i) => {
    indptr[i + 1] = indptr[i]! + Math.min(count, store.degree(v));
  });
  const positions = new Int32Array(indptr[vertices.length]!);
  vertices.forEach((v, i) => {
    positions.set(drawPositions(store.degree(v), count, rng, v), indptr[i]);
  });
  return { indptr, sources: store.readEntries(vertices, indptr, positions) };
}
