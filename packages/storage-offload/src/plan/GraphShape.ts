/** The sizes of a graph that is cut into partitions: all that a plan depends on. */
import { alignUp } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { bipartiteBytes } from '../store/BipartiteCsr.js';
import { GraphStore } from '../store/GraphStore.js';

/** Sizes of a graph in P partitions. */
export interface GraphShape {
  /** N. */
  readonly vertices: number;
  /** d₀. */
  readonly featureWidth: number;
  readonly classes: number;
  /** n_p. `[P]` */
  readonly rows: readonly number[];
  /** e_p. `[P]` */
  readonly expandedRows: readonly number[];
  /** Most rows that each partition gathers from one other. `[P]` */
  readonly largestTile: readonly number[];
  /** Edges into each partition, self-loops included. `[P]` */
  readonly nonZeros: readonly number[];
  /** Dep(p), ascending. `[P]` */
  readonly dependencies: readonly (readonly number[])[];
  /** Bytes of each block of edges on the drive, padded. `[P]` */
  readonly topologyBytes: readonly number[];
  /** Bytes of the tables that stay in memory: boundaries, names, labels, masks. */
  readonly residentBytes: number;
}

/** Sizes of a prepared graph. */
export function shapeOfStore(store: GraphStore): GraphShape {
  const { vertices, featureWidth, classes, parts, expandedRows, nonZeros } = store.meta;
  const partitions = Array.from({ length: parts }, (_, p) => p);
  return {
    vertices,
    featureWidth,
    classes,
    rows: partitions.map((p) => store.rows(p)),
    expandedRows,
    largestTile: partitions.map((p) => Math.max(0, ...partitions.map((q) => store.boundary(p, q).length))),
    nonZeros,
    dependencies: partitions.map((p) => store.dependencies(p)),
    topologyBytes: partitions.map((p) => store.topologyBytes(p)),
    residentBytes: store.residentBytes,
  };
}

/** What {@link shapeOfPartition} is told beside the graph. */
export interface PartitionedGraph {
  readonly graph: CsrGraph;
  /** Part of each vertex. int32 `[N]`. */
  readonly partOf: Int32Array;
  readonly parts: number;
  readonly featureWidth: number;
  readonly classes: number;
  /** As in `prepareGraph`. */
  readonly weights: 'gcn' | 'none';
}

/** Sizes that `prepareGraph` would give a graph in memory; nothing is written. O(E + P²). */
export function shapeOfPartition({
  graph,
  partOf,
  parts,
  featureWidth,
  classes,
  weights,
}: PartitionedGraph): GraphShape {
  const { numVertices: n, indptr, indices } = graph;
  const members: number[][] = Array.from({ length: parts }, () => []);
  for (let v = 0; v < n; v++) members[partOf[v]!]!.push(v);
  const rows = members.map(({ length }) => length);
  const seenBy = new Int32Array(n).fill(-1);
  const expandedRows: number[] = [];
  const nonZeros: number[] = [];
  const largestTile: number[] = [];
  const dependencies = members.map((list, p) => {
    const gathered = new Map([[p, 0]]);
    let expanded = list.length;
    let edges = 0;
    for (const v of list) {
      let hasLoop = false;
      for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
        const u = indices[e]!;
        hasLoop ||= u === v;
        const owner = partOf[u]!;
        if (owner === p || seenBy[u] === p) continue;
        seenBy[u] = p;
        expanded++;
        gathered.set(owner, (gathered.get(owner) ?? 0) + 1);
      }
      edges += indptr[v + 1]! - indptr[v]! + (hasLoop ? 0 : 1);
    }
    expandedRows.push(expanded);
    nonZeros.push(edges);
    largestTile.push(Math.max(...gathered.values()));
    return [...gathered.keys()].sort((a, b) => a - b);
  });
  const boundaryWords = expandedRows.reduce((sum, expanded, p) => sum + parts + expanded - rows[p]!, 0);
  return {
    vertices: n,
    featureWidth,
    classes,
    rows,
    expandedRows,
    largestTile,
    nonZeros,
    dependencies,
    topologyBytes: rows.map((count, p) => {
      const shape = { rows: count, columns: expandedRows[p]!, nonZeros: nonZeros[p]!, hasWeights: weights === 'gcn' };
      return alignUp(bipartiteBytes(shape));
    }),
    residentBytes: GraphStore.tableBytes(n, parts, boundaryWords),
  };
}
