/** What the trainer needs of a model: its stages, each a differentiable function of explicit weights. */
import type { TransformerParameter } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { GroupTensorParallel } from '../tensorParallel/groupTensorParallel.js';

/** A parameter of a stage. */
export interface StageParameter extends TransformerParameter {
  /**
   * The word embedding of a tied head. Where first and last stage are different ranks both hold a copy, first resp. last
   * among their parameters, and the trainer keeps the copies equal.
   */
  readonly isTied?: boolean;
  /** Rows that count; those behind them only make the first dimension divisible. @defaultValue all */
  readonly rows?: number;
}

/** One micro-batch: what the first stage reads and what the last compares with. */
export interface MicroBatch {
  /** First dimension: samples. int32 for tokens. */
  readonly inputs: { readonly data: Float32Array | Int32Array; readonly shape: readonly number[] };
  readonly targets: { readonly data: Float32Array | Int32Array; readonly shape: readonly number[] };
}

/** How one pass of a stage runs. */
export interface StagePass {
  readonly batch: MicroBatch;
  readonly training: boolean;
  /** Training step, from 1; 0 in evaluation. */
  readonly iteration: number;
  /** Micro-batch among those of all replicas: the same on every grid, so random masks are too. */
  readonly microBatch: number;
}

/** A run of consecutive layers that one rank computes. */
export interface StageModule {
  /** In the order in which they are used. */
  readonly parameters: readonly StageParameter[];
  /** Shape of what it receives per micro-batch; null for the first stage. */
  readonly inputShape: readonly number[] | null;
  /** Shape of what it sends per micro-batch; null for the last stage. */
  readonly outputShape: readonly number[] | null;
  /**
   * Output for the next stage, or, for the last stage, the mean loss of the micro-batch, a scalar. Differentiable in the
   * input and all weights; must give the same numbers when it is called again.
   *
   * @param weights - this rank's parts, by name
   * @param input - null for the first stage
   */
  forward(weights: Readonly<Record<string, tf.Tensor>>, input: tf.Tensor | null, pass: StagePass): tf.Tensor;
}

/** What a stage is built for. */
export interface StagePlace {
  /** Virtual stage, from 0. */
  readonly stage: number;
  /** Virtual stages in all. */
  readonly stages: number;
  /** Samples per micro-batch. */
  readonly microBatch: number;
  readonly tensorParallel: GroupTensorParallel;
  readonly seed: number;
}

/** Builds the stages of a model. */
export type StageFactory = (place: StagePlace) => StageModule;
