/** Cross-entropy of class scores against shares of classes, row by row. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { checkLengths } from './lengths.js';
import { withArrays } from './staging.js';

/**
 * loss[r] = −Σ over c of targets[r, c] · log softmax(x)[r, c], and its gradient in x.
 *
 * x and targets float32 `[rows, classes]`, loss `[rows]`; gradient, if given, `[rows, classes]` gets
 * Σ targets · softmax(x) − targets. A target of 0 takes no part, even where the score is −∞. O(rows · classes).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `classes` is no integer ≥ 1.
 * @example
 * const loss = new Float32Array(1);
 * crossEntropyInto(Float32Array.of(7, 7), Float32Array.of(1, 0), 2, loss);
 * loss[0]; // => 0.6931471824645996
 */
export function crossEntropyInto(
  x: Float32Array,
  targets: Float32Array,
  classes: number,
  loss: Float32Array,
  gradient?: Float32Array,
): void {
  const where = 'crossEntropyInto';
  if (!Number.isInteger(classes) || classes < 1) throw new OptionError(where, 'classes', classes, 'an integer ≥ 1');
  if (x.length % classes !== 0) throw new ShapeError(where, 'x', [x.length], `[rows · ${classes}]`);
  const rows = x.length / classes;
  checkLengths(where, { targets: [targets, x.length], loss: [loss, rows] });
  if (gradient) checkLengths(where, { gradient: [gradient, x.length] });
  if (rows === 0) return;
  const stats = new Float32Array(2 * rows);
  const { space, kernels } = kernelSpace();
  withArrays(space, [x, targets], gradient ? [stats, gradient] : [stats], (from, t, s, to) =>
    kernels.crossEntropy(from!, t!, rows, classes, s!, to ?? 0),
  );
  for (let r = 0; r < rows; r++) {
    let share = 0;
    for (let c = r * classes; c < (r + 1) * classes; c++) share += targets[c]!;
    // Σ t · (log Σ exp(x − max) − (x − max))
    loss[r] = share * Math.log(stats[2 * r]!) - stats[2 * r + 1]!;
  }
}
