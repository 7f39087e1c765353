/**
 * Steps of summing layers (GCN, GraphSAGE): sums tile by tile, then everything that is row by row in stripes of rows. The
 * device holds three matrices of the partition, one tile, and the intermediates of one stripe.
 */
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import { crossEntropySum, type GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { type DeviceMatrix, deviceMatrix } from '../layers/deviceMatrix.js';
import { forwardStage, stageGradients } from '../layers/runStage.js';
import { StripeContext } from '../layers/StripeContext.js';
import type { TileSums } from '../layers/TileSums.js';
import type { EpochSums } from './EpochSums.js';
import type { TrainedStage } from './ModelStages.js';

/** Bytes of one matrix of a stripe: its intermediates are about a dozen of them. */
const STRIPE_BYTES = 2 * 2 ** 20;

/** One partition in one summing stage. */
export interface TiledStep {
  readonly model: GnnModel;
  readonly stage: TrainedStage;
  readonly sums: TileSums;
  /** n_p. */
  readonly rows: number;
  readonly globalRows: number;
  readonly training: boolean;
  /** Rows whose dense part is computed at once. */
  readonly stripeRows: number | undefined;
  /** The partition's own rows; masked here. */
  readonly own: DeviceMatrix;
}

/** Computes what leaves the stage into `out`, float32 `[n_p, outputWidth]`. */
export function tiledForward(step: TiledStep, out: (begin: number, rows: Float32Array) => void): void {
  const { stage, own } = step;
  const summed = sumNeighbours(step);
  eachStripe(step, summed, (h, context, begin) => {
    out(begin * stage.outputWidth, readTensor(forwardStage(stage, context, h)));
  });
  summed.dispose();
  own.dispose();
}

/** What the gradient of a step starts from: that of what leaves, or the loss of the last stage. */
export type UpperGradient =
  | { readonly dy: DeviceMatrix }
  | { readonly labels: Int32Array; readonly trainRows: Int32Array };

/**
 * Adds a step's gradients and loss to `total`; with `wantsInput`, `own` then holds the gradients of the partition's rows,
 * and those of others were handed to the tiles.
 */
export function tiledBackward(step: TiledStep, upper: UpperGradient, total: EpochSums, wantsInput: boolean): void {
  const { model, stage, own, sums } = step;
  const summed = sumNeighbours(step);
  eachStripe(step, summed, (h, context, begin, sumsOfStripe) => {
    const rows = h.shape[0];
    const compute = () => forwardStage(stage, context, h);
    const isLoss = 'labels' in upper;
    const dy = isLoss ? undefined : stripeOf(upper.dy, begin, rows, stage.outputWidth);
    const f = isLoss ? () => stripeLoss(compute(), upper, begin) : compute;
    const { value, inputs, parameters } = stageGradients(model, wantsInput ? [h, sumsOfStripe] : [], f, dy);
    if (isLoss) total.loss += readTensor(value)[0]!;
    total.add(parameters);
    if (!wantsInput) return;
    for (const [i, into] of [own, summed].entries()) {
      const target = into.values().subarray(begin * stage.inputWidth, (begin + rows) * stage.inputWidth);
      const gradient = inputs[i];
      if (gradient) target.set(readTensor(gradient));
      else target.fill(0);
    }
  });
  if ('dy' in upper) upper.dy.dispose();
  if (wantsInput) sums.backward(summed.values, own.values);
  summed.dispose();
}

function stripeLoss(
  logits: tf.Tensor2D,
  { labels, trainRows }: { readonly labels: Int32Array; readonly trainRows: Int32Array },
  begin: number,
): tf.Scalar {
  const end = begin + logits.shape[0];
  const rows = trainRows.filter((row) => row >= begin && row < end).map((row) => row - begin);
  return crossEntropySum(logits, labels.subarray(begin, end), rows, 1);
}

function sumNeighbours({ own, sums, rows, stage }: TiledStep): DeviceMatrix {
  const summed = deviceMatrix(rows, stage.inputWidth);
  sums.mask(0, own.values());
  sums.forward(own.values, summed.values);
  return summed;
}

function eachStripe(
  { own, rows, stage, globalRows, training, stripeRows }: TiledStep,
  summed: DeviceMatrix,
  body: (h: tf.Tensor2D, context: StripeContext, begin: number, sums: tf.Tensor2D) => void,
): void {
  const widest = Math.max(stage.inputWidth, stage.outputWidth);
  const step = stripeRows ?? Math.max(64, Math.floor(STRIPE_BYTES / (4 * widest)));
  for (let begin = 0; begin < rows; begin += step) {
    const count = Math.min(step, rows - begin);
    tf.tidy(() => {
      const h = stripeOf(own, begin, count, stage.inputWidth);
      const sums = stripeOf(summed, begin, count, stage.inputWidth);
      body(h, new StripeContext(sums, globalRows, training), begin, sums);
    });
  }
}

function stripeOf(matrix: DeviceMatrix, begin: number, rows: number, width: number): tf.Tensor2D {
  return unfilledTensor<tf.Rank.R2>([rows, width], (out) =>
    out.set(matrix.values().subarray(begin * width, (begin + rows) * width)),
  ) as tf.Tensor2D;
}
