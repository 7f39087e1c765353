/**
 * What a layer needs from the graph it runs on. A model only calls these methods, so the same model trains on one
 * device (`localGraphContext`) and on a cluster (`@strata-ml/gnn-dist`), with the same numbers.
 */
import type * as tf from '@tensorflow/tfjs-core';

/**
 * How a sum over in-neighbours is scaled, by degrees of the whole message graph (self-loops included):
 * `'mean'` by 1 / inDegree(v), `'gcn'` by 1 / √(outDegree(u) · inDegree(v)).
 */
export type Normaliser = 'mean' | 'gcn';

/** Rows of the input features that {@link GraphContext.projectInput} maps. */
export type InputRows = 'owned' | 'destinations' | 'sources';

/** In-neighbours of the owned rows in CSR form; columns index source rows. */
export interface NeighbourBlock {
  /** Row pointers, int32 `[numOwned + 1]`. */
  readonly indptr: Int32Array;
  /** Source row of each edge, int32 `[numEdges]`, in the order in which sums are formed. */
  readonly indices: Int32Array;
}

/**
 * One training step's (or evaluation's) view of a graph, from one device.
 *
 * Rows of an *owned* tensor are the vertices whose outputs this device computes. Rows of a *source* tensor are the owned
 * rows followed by the halo rows, copies of other devices' vertices; on one device the two are the same. Every method
 * that returns a tensor is differentiable, and the gradient of a halo row flows back to the device that owns it.
 *
 * A layer may produce fewer rows than it reads (mini-batches, replicated neighbourhoods): the *destinations* of a layer
 * are the leading owned rows that it computes. With every vertex in every layer all owned rows are destinations.
 *
 * Dropout masks depend on (seed, purpose, epoch, layer, global vertex id, column) only, so a vertex seen by two devices
 * is masked alike, and dropping owned rows before an exchange equals dropping all rows after it.
 */
export interface GraphContext {
  /** Rows of owned tensors. */
  readonly numOwned: number;
  /** Rows of source tensors: owned, then halo. */
  readonly numSources: number;
  /** Columns of the input features, F₀. */
  readonly inputWidth: number;
  /** True while gradients are taken: dropout is on, BatchNorm uses batch statistics. */
  readonly training: boolean;

  /**
   * drop(X)·W, the first linear map on raw features, sparse or dense; differentiable in `weight`.
   *
   * @param weight - float32 `[inputWidth, H]`
   * @param rows - which rows of X: all `'owned'`, the `'destinations'` of the layer, or its `'sources'`
   * @param dropoutRate - probability of zeroing an entry of X, in [0, 1); only while training
   * @param layer - layer of the dropout key, 1 for the first convolution
   * @returns float32 `[rows, H]`
   */
  projectInput(weight: tf.Tensor2D, rows: InputRows, dropoutRate: number, layer: number): tf.Tensor2D;

  /**
   * The rows that `layer` reads, made from the rows that the layer before produced: call it first in every layer but the
   * one on raw features, and with L + 1, L + 2, … for dense layers behind the convolutions. Mostly `h` itself.
   */
  enter(h: tf.Tensor2D, layer: number): tf.Tensor2D;

  /** The rows of `h` that `layer` produces: its leading rows, mostly all. */
  destinations(h: tf.Tensor2D, layer: number): tf.Tensor2D;

  /**
   * Fetches halo rows and forms the normalised sum over in-neighbours: float32 `[numOwned, F]` to `[destinations, F]`.
   *
   * @param layer - names the exchange's buffers and its traffic row
   */
  aggregate(h: tf.Tensor2D, norm: Normaliser, layer: number): tf.Tensor2D;

  /** The normalised sum over in-neighbours, all of them at hand, on raw features: `[numSources, F]` to `[destinations, F]`. */
  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D;

  /** Fetches halo rows: float32 `[numOwned, F]` to `[numSources, F]`. The identity on one device. */
  exchange(h: tf.Tensor2D, layer: number): tf.Tensor2D;

  /** The edges that `layer` reads, for layers that weigh them by attention. */
  blockOf(layer: number): NeighbourBlock;

  /**
   * Zeroes entries with probability `rate` and scales the rest by 1 / (1 − rate); the identity unless training.
   *
   * @param h - float32 `[numOwned, F]` or `[numSources, F]`
   * @param purpose - part of the key; layers that drop twice use different purposes
   */
  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D;

  /** Sums `stats` over all devices, in place. Nothing to do on one device. */
  allReduceSum(stats: Float64Array): void;

  /** Rows of the whole training graph over all devices: the divisor of BatchNorm's statistics. */
  readonly globalRows: number;

  /** Leading rows that BatchNorm's statistics count; the rest are copies of other devices' rows. Absent means all. */
  readonly statisticRows?: number;
}
