/** What an operation of suite `engine` is, as plain data that our programs and those in Python both read. */

/** A matrix product, batched if `batch` > 1; `[batch, m, k]` by `[batch, k, n]` after transposition. */
export interface ProductSpec {
  readonly op: 'matMul';
  readonly batch: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

/** Padded so that the output has ⌈size / stride⌉ pixels a side. Images `[batch, size, size, channels]`. */
export interface ConvolutionSpec {
  readonly op: 'conv2d' | 'depthwise';
  /** The product itself, or its gradient by the image, or by the filter. */
  readonly of: 'output' | 'input' | 'filter';
  readonly batch: number;
  readonly size: number;
  readonly channels: number;
  /** Equal to `channels` where depthwise. */
  readonly outChannels: number;
  readonly filter: number;
  readonly stride: number;
}

/** A function of every element of `[2048, 1024]`; inputs are moved by `shift`. */
export interface UnarySpec {
  readonly op: 'unary';
  readonly name: 'exp' | 'log' | 'tanh' | 'sigmoid' | 'erf' | 'gelu' | 'pow' | 'cast';
  readonly shift: number;
}

/** A sum of `[2048, 1024]` with a tensor of another or the same shape. */
export interface AddSpec {
  readonly op: 'add';
  readonly other: readonly [rows: number, cols: number];
}

/** A reduction of `[2048, 1024]` over an axis; −1 means all. */
export interface ReduceSpec {
  readonly op: 'reduce';
  readonly name: 'sum' | 'max' | 'argMax';
  readonly axis: number;
}

/** Along the last axis of `[2048, 1024]`, but for `batchNorm`: channels of `[16, 32, 32, 64]`. */
export interface NormSpec {
  readonly op: 'softmax' | 'layerNorm' | 'batchNorm' | 'topk';
}

/** 2 × 2 pixels of `[16, 32, 32, 64]`, stride 2. */
export interface PoolSpec {
  readonly op: 'maxPool';
}

/** Moves of data. */
export interface LayoutSpec {
  readonly op: 'transpose' | 'concat';
  readonly shape: readonly number[];
  /** Permutation of `transpose`; the axis of `concat`, which joins the tensor with another. */
  readonly axes: readonly number[];
}

/** Rows of `[20000, 128]`: 50,000 taken, or 50,000 added. */
export interface RowsSpec {
  readonly op: 'gather' | 'unsortedSegmentSum';
}

/** A CSR matrix by a dense one of `width` columns. */
export interface SparseSpec {
  readonly op: 'spmm';
  /** `uniform`: 169,343 rows, 2.3 M entries at random columns; else the name of a data set. */
  readonly graph: string;
  /** Where that data set is. */
  readonly folder?: string;
  readonly width: number;
}

/** Any of them. */
export type OperationSpec =
  | ProductSpec
  | ConvolutionSpec
  | UnarySpec
  | AddSpec
  | ReduceSpec
  | NormSpec
  | PoolSpec
  | LayoutSpec
  | RowsSpec
  | SparseSpec;

/** Shape of what is read element by element. */
export const MATRIX = [2048, 1024] as const;
/** Shape of the images that are pooled and normalised. */
export const IMAGES = [16, 32, 32, 64] as const;
/** Rows of the table, rows moved, and their width. */
export const ROWS = { table: 20_000, moved: 50_000, width: 128 } as const;
/** The sparse matrix without a graph. */
export const UNIFORM = { rows: 169_343, nnz: 2_300_000 } as const;
/** Entries that `topk` keeps. */
export const KEPT = 10;
/** Exponent of `pow`. */
export const EXPONENT = 1.7;
