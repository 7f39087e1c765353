/** Puts the partitions of a store together again: the graph and features as the user had them, in ordinary memory. */
import { alignedBytes } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { gatheredVertices } from '../gather/gatheredVertices.js';
import type { GraphStore } from '../store/GraphStore.js';

/** The in-neighbours of every vertex, self-loops included, in the user's numbering; and its features. */
export interface WholeGraph {
  readonly graph: CsrGraph;
  /** float32 `[N, d₀]`. */
  readonly features: Float32Array;
}

/** Reads everything. Memory: 8 bytes per edge and the features. @throws `StorageError` if a block is damaged. */
export async function wholeGraph(store: GraphStore): Promise<WholeGraph> {
  const { vertices, edges, parts, offsets, featureWidth: width } = store.meta;
  const indptr = new Int32Array(vertices + 1);
  const columns = new Int32Array(edges);
  const features = new Float32Array(vertices * width);
  const largest = Math.max(...Array.from({ length: parts }, (_, p) => store.features.paddedBytes(p)));
  const memory = alignedBytes(largest);
  // Two sweeps: lengths of the rows, then their columns.
  for (let p = 0; p < parts; p++) {
    const { rows, rowPointers } = await store.topology(p);
    for (let v = 0; v < rows; v++) {
      indptr[store.order[offsets[p]! + v]! + 1] = rowPointers[v + 1]! - rowPointers[v]!;
    }
  }
  for (let v = 0; v < vertices; v++) indptr[v + 1]! += indptr[v]!;
  for (let p = 0; p < parts; p++) {
    const { rows, rowPointers, columnIndices } = await store.topology(p);
    const sources = gatheredVertices(store, p);
    for (let v = 0; v < rows; v++) {
      const begin = indptr[store.order[offsets[p]! + v]!]!;
      const row = columns.subarray(begin, begin + rowPointers[v + 1]! - rowPointers[v]!);
      for (let e = 0; e < row.length; e++) row[e] = sources[columnIndices[rowPointers[v]! + e]!]!;
      row.sort();
    }
    if (rows === 0) continue;
    await store.features.read(p, memory.subarray(0, store.features.paddedBytes(p)), 'features').done();
    const block = new Float32Array(memory.buffer, 0, rows * width);
    for (let v = 0; v < rows; v++) {
      features.set(block.subarray(v * width, (v + 1) * width), store.order[offsets[p]! + v]! * width);
    }
  }
  return { graph: { numVertices: vertices, indptr, indices: columns }, features };
}
