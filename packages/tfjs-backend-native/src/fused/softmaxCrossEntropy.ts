/** Softmax and cross-entropy as one operation. */
import { crossEntropyInto, OptionError, readTensor, ShapeError, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { asOperation, isTaping, rowsOf } from './gradients.js';

/** Options of {@link softmaxCrossEntropy}. */
export interface SoftmaxCrossEntropyOptions {
  /** What becomes of the losses of the rows. @defaultValue `'mean'` */
  readonly reduction?: 'mean' | 'sum' | 'none';
  /** Share of every target that is spread evenly over all classes, in [0, 1]. @defaultValue `0` */
  readonly labelSmoothing?: number;
  /** Label of rows that do not count. @defaultValue none */
  readonly ignoreIndex?: number;
}

/** Targets are laid out for so many elements at a time. */
const CHUNK_ELEMENTS = 32_768;

/**
 * Cross-entropy of class scores; differentiable in the logits.
 *
 * While gradients are wanted, softmax − target is computed in the same pass and kept instead of the logits: backward is
 * one product. `mean` divides by the rows that count; no rows give 0. Runs on every tfjs backend.
 *
 * @param logits - float32 `[…, classes]`
 * @param labels - int32 `[…]`, one class a row; or float32 `[…, classes]`, the share of each class
 * @throws ShapeError if the labels do not fit; OptionError if one is no class, or an option is out of range.
 */
export function softmaxCrossEntropy(
  logits: tf.Tensor,
  labels: tf.Tensor,
  { reduction = 'mean', labelSmoothing = 0, ignoreIndex }: SoftmaxCrossEntropyOptions = {},
): tf.Tensor {
  const where = 'softmaxCrossEntropy';
  const { rows, width: classes } = rowsOf(logits);
  if (logits.rank === 0 || classes === 0) throw new ShapeError(where, 'logits', logits.shape, '[…, classes]');
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new OptionError(where, 'labelSmoothing', labelSmoothing, 'in [0, 1]');
  }
  if (!['mean', 'sum', 'none'].includes(reduction)) {
    throw new OptionError(where, 'reduction', reduction, '`mean`, `sum` or `none`');
  }
  const isShares = labels.dtype !== 'int32';
  const expected = isShares ? logits.shape : logits.shape.slice(0, -1);
  if (!tf.util.arraysEqual(labels.shape, expected))
    throw new ShapeError(where, 'labels', labels.shape, `[${expected}]`);
  const wanted = isShares ? undefined : classesOf(where, labels, classes, ignoreIndex);
  const counted = wanted ? wanted.reduce((n, label) => n + (label < 0 ? 0 : 1), 0) : rows;
  const factor = reduction === 'mean' ? 1 / Math.max(1, counted) : 1;

  return asOperation([logits], (logits) => {
    const scores = readTensor(logits!);
    const shares = isShares ? readTensor(labels) : undefined;
    const losses = new Float32Array(rows);
    const fill = (gradient?: Float32Array): void => {
      const step = Math.max(1, Math.min(rows, Math.floor(CHUNK_ELEMENTS / classes)));
      const targets = new Float32Array(step * classes);
      for (let first = 0; first < rows; first += step) {
        const last = Math.min(rows, first + step);
        const part = targets.subarray(0, (last - first) * classes);
        layOut(part, classes, first, wanted, shares, labelSmoothing);
        const [from, to] = [first * classes, last * classes];
        const toGradient = gradient?.subarray(from, to);
        crossEntropyInto(scores.subarray(from, to), part, classes, losses.subarray(first, last), toGradient);
      }
    };
    const saved = isTaping() ? [unfilledTensor(logits!.shape, fill)] : [];
    if (saved.length === 0) fill();
    const value =
      reduction === 'none'
        ? tf.tensor(losses, logits!.shape.slice(0, -1))
        : tf.scalar(losses.reduce((sum, loss) => sum + loss, 0) * factor);
    return {
      value,
      saved,
      gradient: (dy, [difference]) => [
        tf.mul(difference!, reduction === 'none' ? tf.expandDims(dy, -1) : tf.mul(dy, tf.scalar(factor))),
      ],
    };
  });
}

/** The class of each row, −1 for rows that do not count. */
function classesOf(where: string, labels: tf.Tensor, classes: number, ignoreIndex: number | undefined): Int32Array {
  return Int32Array.from(labels.dataSync(), (label) => {
    if (label === ignoreIndex) return -1;
    if (!(label >= 0 && label < classes)) throw new OptionError(where, 'each label', label, `in 0 … ${classes - 1}`);
    return label;
  });
}

/** Writes the target shares of rows from `first` on. */
function layOut(
  targets: Float32Array,
  classes: number,
  first: number,
  wanted: Int32Array | undefined,
  shares: Float32Array | undefined,
  smoothing: number,
): void {
  const spread = smoothing / classes;
  if (!wanted) {
    const from = first * classes;
    for (let i = 0; i < targets.length; i++) targets[i] = (1 - smoothing) * shares![from + i]! + spread;
    return;
  }
  targets.fill(spread);
  for (let start = 0, row = first; start < targets.length; start += classes, row++) {
    const label = wanted[row]!;
    if (label < 0) targets.fill(0, start, start + classes);
    else targets[start + label]! += 1 - smoothing;
  }
}
