/** How one convolution reads the graph on this rank. Modes differ in the stages that they give to a context. */
import type { Trace } from '@strata-ml/core';
import type { NeighbourBlock, Normaliser } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';

/** What a stage runs with in one pass. */
export interface StageCall {
  /** From 1; names traffic rows. */
  readonly layer: number;
  /** Label of the forward bytes: `forward`, or `evaluation`. */
  readonly phase: string;
  readonly trace: Trace;
  /** Compute rows that need no halo while halo rows travel. */
  readonly overlap: boolean;
}

/** The rows and edges of one convolution. Owned rows come first among the sources, destinations first among the owned. */
export interface LayerStage {
  /** Rows that enter, this rank's. */
  readonly numOwned: number;
  /** Rows that leave. */
  readonly numDestinations: number;
  /** Owned rows and the halo rows that {@link LayerStage.gather} adds. */
  readonly numSources: number;
  /** Global vertex id of each source row, the key of its dropout mask. int32 `[numSources]`. */
  readonly globalIds: Int32Array;
  /** In-neighbours of the destinations; columns are source rows. */
  readonly block: NeighbourBlock;
  /** Makes the rows that enter from those that the stage before left; absent if they are the same rows. */
  enter?(h: tf.Tensor2D, call: StageCall): tf.Tensor2D;
  /** Normalised sum over in-neighbours, `[numOwned, F]` to `[numDestinations, F]`; differentiable. */
  aggregate(h: tf.Tensor2D, norm: Normaliser, call: StageCall): tf.Tensor2D;
  /** The same with all sources at hand, `[numSources, F]` to `[numDestinations, F]`; differentiable. */
  aggregateSources(p: tf.Tensor2D, norm: Normaliser, call: StageCall): tf.Tensor2D;
  /** Source rows, `[numOwned, F]` to `[numSources, F]`; differentiable. */
  gather(h: tf.Tensor2D, call: StageCall): tf.Tensor2D;
  /** Frees operators. */
  dispose(): void;
}
