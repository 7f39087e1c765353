/** What readers return, and the options they share. */
import type { CsrGraph } from '../csr/CsrGraph.js';
import type { DuplicateWeight, SelfLoops } from '../csr/csrFromEdges.js';
import type { ReadControl } from './lineBlocks.js';

/** File formats of `readGraph`. */
export const graphFormats = ['edge-list', 'binary', 'matrix-market', 'metis', 'ogb-csv'] as const;
/** One of {@link graphFormats}. */
export type GraphFormat = (typeof graphFormats)[number];

/** How edges of a file become a graph. */
export interface BuildOptions {
  /** Store equal edges once. @defaultValue `true` */
  readonly dedupe?: boolean;
  /** Which weight a duplicate edge keeps. @defaultValue `'first'` */
  readonly duplicateWeight?: DuplicateWeight;
  /** @defaultValue `'keep'` */
  readonly selfLoops?: SelfLoops;
  /** Read edge weights where the file has them. @defaultValue `true` */
  readonly weights?: boolean;
}

/** {@link BuildOptions} and control of the reading. */
export type ReadOptions = BuildOptions & ReadControl;

/** A graph from a file. */
export interface LoadedGraph {
  readonly format: GraphFormat;
  readonly graph: CsrGraph;
  /** Edges as the file lists them, before symmetrising and removal of duplicates. */
  readonly edgesInFile: number;
  /** Id in the file of each vertex, ascending, if ids were compacted. float64 `[n]`. */
  readonly originalIds?: Float64Array;
  /** METIS: vertex weights, float32 `[n, ncon]`. */
  readonly vertexWeights?: Float32Array;
  /** METIS: vertex sizes, float32 `[n]`. */
  readonly vertexSizes?: Float32Array;
}
