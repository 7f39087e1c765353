/** One stage of a network on one partition: forward, and its vector-Jacobian product without a stored tape. */
import { type GnnModel, type GnnStage, sum } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { PartitionContext } from './PartitionContext.js';
import type { StripeContext } from './StripeContext.js';

/** The graph that a stage runs on. */
export type StageContext = PartitionContext | StripeContext;

/** Computes the rows that leave, float32 `[n_p, outputWidth]`, from the gathered rows. */
export function forwardStage(stage: GnnStage, context: StageContext, gathered: tf.Tensor2D): tf.Tensor2D {
  const prepared = stage.prepare ? stage.prepare(gathered, context) : gathered;
  const z = convolveStage(stage, context, prepared);
  return stage.isResidual ? sum(context.destinations(gathered), z) : z;
}

/** {@link forwardStage} from rows that are prepared already, without what a residual stage adds. */
export function convolveStage(stage: GnnStage, context: StageContext, prepared: tf.Tensor2D): tf.Tensor2D {
  context.input = prepared;
  const z = stage.convolve(context, prepared);
  return stage.finish ? stage.finish(z, context) : z;
}

/** Gradients of one partition's share of the loss. */
export interface StageGradients {
  /** Of the tensors that were asked for; undefined where the result does not depend on one. */
  readonly inputs: readonly (tf.Tensor | undefined)[];
  /** In the order of the model's parameters; undefined where the stage does not use one. */
  readonly parameters: readonly (tf.Tensor | undefined)[];
  /** What `f` returned. */
  readonly value: tf.Tensor;
}

/**
 * Runs `f` and applies its vector-Jacobian product to `dy`; the caller disposes what it gets.
 *
 * @param inputs - whose gradients are wanted beside those of the parameters
 * @param f - computes a stage, or a stage and its loss
 * @param dy - of the shape of the result; a scalar result needs none
 */
export function stageGradients(
  model: GnnModel,
  inputs: readonly tf.Tensor[],
  f: () => tf.Tensor,
  dy?: tf.Tensor,
): StageGradients {
  const variables = model.parameters.map(({ variable }) => variable as tf.Tensor);
  // Not tf.valueAndGrads: it refuses parameters that this stage does not use.
  const { value, grads } = tf.engine().gradients(f, [...variables, ...inputs], dy, true);
  return { inputs: grads.slice(variables.length), parameters: grads.slice(0, variables.length), value };
}
