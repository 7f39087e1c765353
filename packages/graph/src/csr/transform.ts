/** Graphs from graphs: message graph, transpose, symmetric closure, subgraph, relabelling. */
import { OptionError, ShapeError, sharedFloat32, sharedInt32 } from '@strata-ml/core';
import { type CsrGraph, hasStrictRows } from './CsrGraph.js';
import { csrFromEdges, type SelfLoops } from './csrFromEdges.js';
import { inheritSymmetry, isSymmetric } from './symmetry.js';

/** Edge arrays of a graph, in row order. */
export interface EdgeList {
  /** int32 `[m]`. */
  readonly sources: Int32Array;
  /** int32 `[m]`. */
  readonly destinations: Int32Array;
  /** float32 `[m]`; absent = all 1. */
  readonly weights?: Float32Array;
}

/** The edges of `g` as arrays: `sources` and `weights` are the graph's own, `destinations` is new. */
export function edgesOf(g: CsrGraph): EdgeList {
  const destinations = new Int32Array(g.indices.length);
  for (let v = 0; v < g.numVertices; v++) destinations.fill(v, g.indptr[v]!, g.indptr[v + 1]!);
  return { sources: g.indices, destinations, ...(g.weights ? { weights: g.weights } : {}) };
}

/**
 * The graph a GNN passes messages on: duplicates dropped, self-loops dropped, then one self-loop (weight 1) per vertex.
 *
 * Rows ascend and every vertex has in-degree ≥ 1. Cost: O(n + m).
 */
export function messageGraph(g: CsrGraph): CsrGraph {
  return withSelfLoops(g, 'add');
}

/** `g` with equal edges stored once and self-loops kept, dropped, or exactly one per vertex. Cost: O(n + m). */
export function withSelfLoops(g: CsrGraph, selfLoops: SelfLoops): CsrGraph {
  // Rows made outside this package may be unsorted or hold duplicates: those take the long way.
  if (!hasStrictRows(g)) return csrFromEdges({ numVertices: g.numVertices, ...edgesOf(g), selfLoops });
  if (selfLoops === 'keep') return g;
  const { numVertices: n, indptr, indices, weights } = g;
  const add = selfLoops === 'add' ? 1 : 0;
  const rowPtr = sharedInt32(n + 1);
  for (let v = 0; v < n; v++) {
    let count = add;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) if (indices[e] !== v) count++;
    rowPtr[v + 1] = rowPtr[v]! + count;
  }
  const out = sharedInt32(rowPtr[n]!);
  const outWeights = weights ? sharedFloat32(out.length) : undefined;
  let at = 0;
  for (let v = 0; v < n; v++) {
    let isMissing = add === 1;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (isMissing && u >= v) {
        if (outWeights) outWeights[at] = 1;
        out[at++] = v;
        isMissing = false;
      }
      if (u === v) continue;
      if (outWeights) outWeights[at] = weights![e]!;
      out[at++] = u;
    }
    if (isMissing) {
      if (outWeights) outWeights[at] = 1;
      out[at++] = v;
    }
  }
  return inheritSymmetry(g, {
    numVertices: n,
    indptr: rowPtr,
    indices: out,
    ...(outWeights ? { weights: outWeights } : {}),
  });
}

/** The graph with every edge turned round: row u = out-neighbours of u in `g`, ascending. Cost: O(n + m). */
export function transposeGraph(g: CsrGraph): CsrGraph {
  const { numVertices: n, indptr, indices, weights } = g;
  const rowPtr = sharedInt32(n + 1);
  for (let e = 0; e < indices.length; e++) rowPtr[indices[e]! + 1]!++;
  for (let v = 0; v < n; v++) rowPtr[v + 1]! += rowPtr[v]!;
  const next = rowPtr.slice(0, n);
  const out = sharedInt32(indices.length);
  const outWeights = weights ? sharedFloat32(indices.length) : undefined;
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const at = next[indices[e]!]!++;
      out[at] = v;
      if (outWeights) outWeights[at] = weights![e]!;
    }
  }
  return { numVertices: n, indptr: rowPtr, indices: out, ...(outWeights ? { weights: outWeights } : {}) };
}

/** The smallest symmetric graph that holds `g`: `g` itself if it is symmetric already. Equal edges are stored once. */
export function symmetrizeGraph(g: CsrGraph): CsrGraph {
  if (isSymmetric(g)) return g;
  return csrFromEdges({ numVertices: g.numVertices, ...edgesOf(g), symmetrize: true });
}

/**
 * The subgraph induced on a list of vertices: local vertex i is `vertices[i]`, edges between them are kept.
 *
 * Rows ascend in local ids. Cost: O(n + edges of the listed rows); allocates int32 `[n]` while it runs.
 *
 * @throws {@link OptionError} if a vertex does not exist or is listed twice.
 */
export function inducedSubgraph(g: CsrGraph, vertices: Int32Array): CsrGraph {
  const { numVertices: n, indptr, indices, weights } = g;
  const localOf = new Int32Array(n).fill(-1);
  let isAscending = true;
  for (let i = 0; i < vertices.length; i++) {
    const v = vertices[i]!;
    if (v < 0 || v >= n) throw new OptionError('inducedSubgraph', `vertices[${i}]`, v, `in 0 … ${n - 1}`);
    if (localOf[v] !== -1) throw new OptionError('inducedSubgraph', `vertices[${i}]`, v, 'listed once');
    if (i > 0 && v < vertices[i - 1]!) isAscending = false;
    localOf[v] = i;
  }
  const k = vertices.length;
  const rowPtr = sharedInt32(k + 1);
  for (let i = 0; i < k; i++) {
    const v = vertices[i]!;
    let count = 0;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) if (localOf[indices[e]!]! >= 0) count++;
    rowPtr[i + 1] = rowPtr[i]! + count;
  }
  const out = sharedInt32(rowPtr[k]!);
  const outWeights = weights ? sharedFloat32(out.length) : undefined;
  let at = 0;
  for (let i = 0; i < k; i++) {
    const v = vertices[i]!;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = localOf[indices[e]!]!;
      if (u < 0) continue;
      if (outWeights) outWeights[at] = weights![e]!;
      out[at++] = u;
    }
  }
  const sub = { numVertices: k, indptr: rowPtr, indices: out, ...(outWeights ? { weights: outWeights } : {}) };
  return inheritSymmetry(g, isAscending ? sub : csrFromEdges({ numVertices: k, ...edgesOf(sub), dedupe: false }));
}

/**
 * The same graph with vertex v renamed to `newIds[v]`. Cost: O(n + m).
 *
 * @throws {@link ShapeError} if `newIds` is not `[n]`.
 * @throws {@link OptionError} if `newIds` is not a permutation of 0 … n − 1.
 */
export function relabelGraph(g: CsrGraph, newIds: Int32Array): CsrGraph {
  invertPermutation(newIds, g.numVertices);
  const { sources, destinations, weights } = edgesOf(g);
  const renamed = csrFromEdges({
    numVertices: g.numVertices,
    sources: sources.map((u) => newIds[u]!),
    destinations: destinations.map((v) => newIds[v]!),
    dedupe: false,
    ...(weights ? { weights } : {}),
  });
  return inheritSymmetry(g, renamed);
}

/**
 * The inverse of a permutation of 0 … n − 1: `inverse[permutation[i]] = i`.
 *
 * @throws {@link ShapeError} or {@link OptionError} if it is none.
 */
export function invertPermutation(permutation: Int32Array, n: number = permutation.length): Int32Array {
  const where = 'invertPermutation';
  if (permutation.length !== n) throw new ShapeError(where, 'permutation', [permutation.length], `[${n}]`);
  const inverse = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i++) {
    const id = permutation[i]!;
    if (id < 0 || id >= n || inverse[id] !== -1) {
      throw new OptionError(where, `entry ${i}`, id, `in 0 … ${n - 1} and not repeated`);
    }
    inverse[id] = i;
  }
  return inverse;
}
