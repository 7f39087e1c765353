/** A graph with features, labels and splits, ready for vertex classification. */
import type { CsrGraph } from '@strata-ml/graph';

/** A sparse float32 matrix in compressed rows; `values` absent means all 1. */
export interface SparseFeatures {
  readonly rows: number;
  readonly cols: number;
  /** int32 `[rows + 1]` */
  readonly indptr: Int32Array;
  /** int32 `[nnz]`, ascending within a row */
  readonly indices: Int32Array;
  /** float32 `[nnz]` */
  readonly values?: Float32Array;
}

/** Which vertices train, choose and test. */
export interface Split {
  /** int32, vertex ids; the three are disjoint. */
  readonly train: Int32Array;
  readonly val: Int32Array;
  readonly test: Int32Array;
  /** Where the split comes from. */
  readonly description: string;
  /** True for a split that papers use. */
  readonly published: boolean;
}

/** A data set for vertex classification. Its arrays lie in shared memory, so ranks share them. */
export interface NodeDataset {
  readonly name: string;
  /** Folder or file it was read from, or `built in`. */
  readonly source: string;
  /** Symmetric, without self-loops and duplicates. */
  readonly graph: CsrGraph;
  /** Columns of the features; 0 without. */
  readonly numFeatures: number;
  /** Sparse `[n, F]`, dense row by row `[n, F]`, or none. */
  readonly features:
    | { readonly kind: 'csr'; readonly csr: SparseFeatures }
    | { readonly kind: 'dense'; readonly values: Float32Array }
    | { readonly kind: 'none' };
  /** Class of each vertex, int32 `[n]`, −1 for unlabelled; empty when multi-label. */
  readonly labels: Int32Array;
  /** 0 or 1, uint8 `[n, C]`, for data sets where a vertex has several labels. */
  readonly multiLabels?: Uint8Array;
  /** 0 without labels. */
  readonly numClasses: number;
  /** At least one if anything is labelled. */
  readonly splits: readonly Split[];
  /** Content of `meta.json`. */
  readonly meta: Readonly<Record<string, unknown>>;
}
