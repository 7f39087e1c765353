/** What every graph network of this package is: named parameters in a stable order and a forward pass. */
import type * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import type { ResolvedGnnSpec } from './spec.js';

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

/** A graph network for vertex classification. */
export interface GnnModel {
  /** The specification it was made from, defaults filled in. */
  readonly spec: ResolvedGnnSpec;
  /** Trainable arrays; the same order for the same specification, everywhere. */
  readonly parameters: readonly Parameter[];
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
