/** Sums and means over the entries of each row of a CSR structure. */
import { checkRowPointers } from './csr.js';
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { withArrays } from './staging.js';

/**
 * Sums entries by row: out[r] = Σ x[e] over e in [indptr[r], indptr[r + 1]), in order. Empty rows become 0.
 *
 * indptr int32 `[rows + 1]`, x float32 `[indptr[rows], width]`, out float32 `[rows, width]`, not overlapping x.
 * O(entries · width).
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `indptr` falls or does not start at 0.
 * @example
 * const out = new Float32Array(2);
 * segmentSumInto(Int32Array.of(0, 1, 3), Float32Array.of(5, 6, 7), 1, out);
 * out; // => Float32Array [5, 13]
 */
export function segmentSumInto(indptr: Int32Array, x: Float32Array, width: number, out: Float32Array): void {
  reduce('segmentSumInto', indptr, x, width, out, 0);
}

/**
 * Averages entries by row, as {@link segmentSumInto}: the sum divided by the number of entries; empty rows become 0.
 *
 * @throws {@link ShapeError} and {@link OptionError} as {@link segmentSumInto}.
 */
export function segmentMeanInto(indptr: Int32Array, x: Float32Array, width: number, out: Float32Array): void {
  reduce('segmentMeanInto', indptr, x, width, out, 1);
}

function reduce(
  where: string,
  indptr: Int32Array,
  x: Float32Array,
  width: number,
  out: Float32Array,
  mean: number,
): void {
  if (!Number.isInteger(width) || width < 1) throw new OptionError(where, 'width', width, 'an integer ≥ 1');
  const rows = indptr.length - 1;
  if (x.length % width !== 0) throw new ShapeError(where, 'x', [x.length], `[entries, ${width}]`);
  checkRowPointers(where, indptr, x.length / width);
  if (out.length !== rows * width) throw new ShapeError(where, 'out', [out.length], `[${rows}, ${width}]`);
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  withArrays(space, [indptr, x], [out], (pointers, from, to) =>
    kernels.segmentSum(rows, pointers!, from!, 4 * width, to!, mean),
  );
}
