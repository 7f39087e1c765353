/** Batch normalisation of training as one operation, with the residual and the ReLU that often follow it. */
import {
  batchNormGradientInto,
  batchNormInto,
  OptionError,
  readTensor,
  ShapeError,
  unfilledTensor,
} from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { asOperation, rowsOf } from './gradients.js';
import { changeVariables } from './inPlace.js';

/** Options of {@link batchNorm}. */
export interface BatchNormTrainingOptions {
  /** Added to the variance, ≥ 0. @defaultValue `1e-5` */
  readonly epsilon?: number;
  /** Added to the normalised values; of the shape of x; gets a gradient. @defaultValue none */
  readonly residual?: tf.Tensor;
  /** `relu` cuts off what is below 0, after the residual. @defaultValue `'linear'` */
  readonly activation?: 'linear' | 'relu';
  /** Averages of mean and variance, float32 `[channels]`, moved in place. @defaultValue none */
  readonly running?: { readonly mean: tf.Variable; readonly variance: tf.Variable };
  /** Share of this batch in the running averages, in [0, 1]. @defaultValue `0.1` */
  readonly momentum?: number;
}

/**
 * Normalises each channel by the moments of this batch: activation((x − mean) / √(variance + epsilon) · gamma + beta +
 * residual); differentiable in x, gamma, beta and the residual.
 *
 * x float32 `[…, channels]` (NHWC images among them), gamma and beta `[channels]`. For inference use `tf.batchNorm` with
 * the running averages; their variance is the unbiased one, as in PyTorch. Runs on every tfjs backend.
 * Ioffe, Szegedy: "Batch normalization", ICML 2015, arXiv:1502.03167.
 *
 * @throws ShapeError if a shape does not fit; OptionError if an option is out of range.
 */
export function batchNorm<T extends tf.Tensor>(
  x: T,
  gamma: tf.Tensor,
  beta: tf.Tensor,
  { epsilon = 1e-5, residual, activation = 'linear', running, momentum = 0.1 }: BatchNormTrainingOptions = {},
): T {
  const where = 'batchNorm';
  const { rows, width } = rowsOf(x);
  if (x.rank === 0 || x.size === 0) throw new ShapeError(where, 'x', x.shape, '[…, channels], not empty');
  const vectors = {
    gamma,
    beta,
    ...(running ? { 'running.mean': running.mean, 'running.variance': running.variance } : {}),
  };
  for (const [name, { size, shape }] of Object.entries(vectors)) {
    if (size !== width) throw new ShapeError(where, name, shape, `[${width}]`);
  }
  if (residual && !tf.util.arraysEqual(residual.shape, x.shape)) {
    throw new ShapeError(where, 'residual', residual.shape, `[${x.shape}]`);
  }
  if (activation !== 'linear' && activation !== 'relu') {
    throw new OptionError(where, 'activation', activation, '`linear` or `relu`');
  }
  if (!(momentum >= 0 && momentum <= 1)) throw new OptionError(where, 'momentum', momentum, 'in [0, 1]');
  const relu = activation === 'relu';

  return asOperation<T>(residual ? [x, gamma, beta, residual] : [x, gamma, beta], (x, gamma, beta, other) => {
    const stats = new Float32Array(2 * width);
    const value = unfilledTensor(x!.shape, (out) => {
      const [from, g, b] = [x!, gamma!, beta!].map(readTensor);
      const rest = other ? { residual: readTensor(other) } : {};
      batchNormInto(from!, g!, b!, out, stats, { epsilon, relu, ...rest });
    });
    if (running) moveAverages(running, stats, rows, momentum);
    return {
      value,
      saved: relu ? [x!, gamma!, value] : [x!, gamma!],
      gradient: (dy, [x, gamma, output]) => gradient(x!, dy, gamma!, stats, epsilon, output, other !== undefined),
    };
  });
}

function gradient(
  x: tf.Tensor,
  dy: tf.Tensor,
  gamma: tf.Tensor,
  stats: Float32Array,
  epsilon: number,
  output: tf.Tensor | undefined,
  hasResidual: boolean,
): tf.Tensor[] {
  const dGamma = new Float32Array(gamma.size);
  const dBeta = new Float32Array(gamma.size);
  let dResidual: tf.Tensor | undefined;
  const run = (dx: Float32Array, masked?: Float32Array): void =>
    batchNormGradientInto(readTensor(x), readTensor(dy), readTensor(gamma), stats, dx, dGamma, dBeta, {
      epsilon,
      ...(output ? { output: readTensor(output) } : {}),
      ...(masked ? { dResidual: masked } : {}),
    });
  const dx = unfilledTensor(x.shape, (out) => {
    // Without a ReLU the residual's gradient is dy itself.
    if (!hasResidual || !output) run(out);
    else dResidual = unfilledTensor(x.shape, (masked) => run(out, masked));
  });
  const gradients = [dx, tf.tensor(dGamma, gamma.shape), tf.tensor(dBeta, gamma.shape)];
  return hasResidual ? [...gradients, dResidual ?? tf.clone(dy)] : gradients;
}

function moveAverages(
  { mean, variance }: { readonly mean: tf.Variable; readonly variance: tf.Variable },
  stats: Float32Array,
  rows: number,
  momentum: number,
): void {
  const width = stats.length / 2;
  const unbiased = rows > 1 ? rows / (rows - 1) : 1;
  changeVariables([mean, variance], (means, variances) => {
    for (let c = 0; c < width; c++) {
      means![c]! += momentum * (stats[c]! - means![c]!);
      variances![c]! += momentum * (stats[width + c]! * unbiased - variances![c]!);
    }
  });
}
