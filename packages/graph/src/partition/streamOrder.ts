/** Orders in which streaming partitioners meet the vertices. */
import type { Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import type { StreamOrder } from './options.js';

/** Vertices of a symmetric graph in the given order; `undefined` stands for 0 … n − 1. */
export function streamOrder(g: CsrGraph, order: StreamOrder, rng: Rng): Int32Array | undefined {
  if (order === 'natural') return undefined;
  const shuffled = rng.permutation(g.numVertices);
  return order === 'random' ? shuffled : breadthFirst(g, shuffled);
}

/** Breadth-first order; each component starts at its first vertex in `roots`. */
function breadthFirst(g: CsrGraph, roots: Int32Array): Int32Array {
  const { indptr, indices } = g;
  const order = new Int32Array(roots.length);
  const isSeen = new Uint8Array(roots.length);
  let tail = 0;
  let head = 0;
  for (const root of roots) {
    if (isSeen[root] === 1) continue;
    isSeen[root] = 1;
    order[tail++] = root;
    while (head < tail) {
      const v = order[head++]!;
      for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
        const u = indices[e]!;
        if (isSeen[u] === 1) continue;
        isSeen[u] = 1;
        order[tail++] = u;
      }
    }
  }
  return order;
}
