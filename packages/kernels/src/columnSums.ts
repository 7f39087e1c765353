/** Sums over the rows of a dense matrix: gradients of biases. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { withArrays, withScratch } from './staging.js';

/**
 * out[c] = Σ x[r, c] over all rows, in order and in float64, rounded once.
 *
 * x float32 `[n, width]`, out float32 `[width]`, `width` = its length. O(n · width).
 *
 * @throws {@link OptionError} if `out` is empty; {@link ShapeError} if x has no whole number of rows.
 * @example
 * const out = new Float32Array(2);
 * columnSumsInto(Float32Array.of(1, 2, 3, 4), out);
 * out; // => Float32Array [4, 6]
 */
export function columnSumsInto(x: Float32Array, out: Float32Array): void {
  const where = 'columnSumsInto';
  const width = out.length;
  if (width === 0) throw new OptionError(where, 'out.length', 0, 'at least 1');
  if (x.length % width !== 0) throw new ShapeError(where, 'x', [x.length], `[n, ${width}]`);
  const { space, kernels } = kernelSpace();
  const room = (width + 3) & ~3;
  withArrays(space, [x], [], (from) =>
    withScratch(space, 8 * room, (sums) => {
      kernels.columnSums(from!, x.length / width, width, sums);
      out.set(new Float64Array(space.memory.buffer, sums, width));
    }),
  );
}
