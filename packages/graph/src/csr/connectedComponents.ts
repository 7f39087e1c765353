/** Weakly connected components by union-find in one typed array. */
import { sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from './CsrGraph.js';

/** What {@link connectedComponents} returns. */
export interface Components {
  /** Number of components. */
  readonly count: number;
  /** Component of each vertex, numbered by their smallest vertex. int32 `[n]`. */
  readonly labels: Int32Array;
  /** Vertices per component. int32 `[count]`. */
  readonly sizes: Int32Array;
}

/**
 * Finds the weakly connected components (edge directions ignored).
 *
 * Union-find by smallest id with path halving; no recursion. Cost: almost O(n + m), allocates int32 `[n]` twice.
 */
export function connectedComponents(g: CsrGraph): Components {
  const { numVertices: n, indptr, indices } = g;
  const parent = new Int32Array(n);
  for (let v = 0; v < n; v++) parent[v] = v;
  for (let v = 0; v < n; v++) {
    let a = findRoot(parent, v);
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const b = findRoot(parent, indices[e]!);
      if (a === b) continue;
      // The smaller id stays root, so components can be numbered in one ascending pass.
      if (a < b) parent[b] = a;
      else {
        parent[a] = b;
        a = b;
      }
    }
  }
  const labels = sharedInt32(n);
  let count = 0;
  for (let v = 0; v < n; v++) labels[v] = parent[v] === v ? count++ : labels[findRoot(parent, v)]!;
  const sizes = new Int32Array(count);
  for (let v = 0; v < n; v++) sizes[labels[v]!]!++;
  return { count, labels, sizes };
}

function findRoot(parent: Int32Array, v: number): number {
  let x = v;
  while (parent[x] !== x) {
    parent[x] = parent[parent[x]!]!;
    x = parent[x]!;
  }
  return x;
}
