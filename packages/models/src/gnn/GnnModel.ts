/** What every graph network of this package is: named parameters in a stable order and a forward pass. */
import type * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import type { GnnNorm, ResolvedGnnSpec } from './spec.js';

/** One trainable array of a model. */
export interface Parameter {
  /** Stable name, for example `conv1.weight`; the key in checkpoints. */
  readonly name: string;
  /** float32. */
  readonly variable: tf.Variable;
}

/** One array that training changes without gradients, such as a running mean. */
export interface ModelBuffer {
  /** Stable name, for example `norm1.runningMean`. */
  readonly name: string;
  /** The live values, float32: copy to save, overwrite to restore. */
  readonly data: Float32Array;
}

/** Called during the backward pass with the complete gradient of parameter `index`; the tensor is only lent. */
export type GradientWatcher = (index: number, gradient: tf.Tensor) => void;

/**
 * One step of a network, for trainers that hold one layer at a time: rows go in, rows come out, and only `convolve` reads
 * rows of neighbours. In full, `finish(convolve(prepare(h)))`, plus the destinations' rows of `h` if it is residual.
 */
export interface GnnStage {
  /** Number in dropout keys: 1 for the first convolution, 0 for an encoder. */
  readonly layer: number;
  /** Columns that enter. */
  readonly inputWidth: number;
  /** Columns that leave. */
  readonly outputWidth: number;
  /** False for dense layers. */
  readonly readsNeighbours: boolean;
  /** What enters is added to what leaves. */
  readonly isResidual: boolean;
  /** What the norm in `prepare` or `finish` is; `'batch'` couples all rows. */
  readonly norm: GnnNorm;
  /** Row by row, before the convolution. */
  prepare?(h: tf.Tensor2D, context: GraphContext): tf.Tensor2D;
  /** The layer itself; `h` undefined stands for the input features. */
  convolve(context: GraphContext, h: tf.Tensor2D | undefined): tf.Tensor2D;
  /** Row by row, after the convolution. */
  finish?(z: tf.Tensor2D, context: GraphContext): tf.Tensor2D;
}

/** A graph network for vertex classification. */
export interface GnnModel {
  /** The specification it was made from, defaults filled in. */
  readonly spec: ResolvedGnnSpec;
  /** Trainable arrays; the same order for the same specification, everywhere. */
  readonly parameters: readonly Parameter[];
  /** The steps of {@link GnnModel.forward}, first to last. */
  readonly stages: readonly GnnStage[];
  /**
   * Computes class scores before softmax or sigmoid, float32 `[numOwned, numClasses]`. Call it inside `tf.tidy` or a
   * gradient function: intermediate tensors belong to the caller's scope. While training with batch norm it also
   * moves the running statistics.
   */
  forward(context: GraphContext): tf.Tensor2D;
  /**
   * From now on tells `watcher` of every gradient as soon as it is complete, last layer first, so that it can travel
   * while backward goes on; undefined ends it.
   */
  watchGradients(watcher: GradientWatcher | undefined): void;
  /** BatchNorm's running statistics; empty for other norms. */
  state(): readonly ModelBuffer[];
  /** Frees the parameters. The model cannot be used afterwards. */
  dispose(): void;
}
