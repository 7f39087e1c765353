/** Products with thin matrices and Gram-Schmidt, on typed arrays: the arithmetic of low-rank compressors. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import { copyIn, copyOut, placeOf, withArrays, withScratch } from './staging.js';

/** Options of {@link multiplyInto}. */
export interface MultiplyOptions {
  /** Rows of `out`. */
  readonly rows: number;
  /** Terms of each sum: columns of A, rows of B. */
  readonly inner: number;
  /** Columns of B and `out`, a multiple of 4. */
  readonly columns: number;
  /** A is stored `[inner, rows]`. @defaultValue `false` */
  readonly transposeA?: boolean;
}

/**
 * out = A·B: A float32 `[rows, inner]` or, transposed, `[inner, rows]`; B `[inner, columns]`; out `[rows, columns]`, row-major.
 *
 * The order of each sum depends on `inner` only: equal operands give equal bits on every rank of the same kernel variant.
 * Good where `columns` is small beside `rows` or `inner`; the engine's product is faster for square matrices.
 *
 * @throws {@link OptionError} if `columns` is not a multiple of 4; {@link ShapeError} if a length does not fit.
 * @example
 * const out = new Float32Array(4);
 * multiplyInto(Float32Array.of(1, 2), Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0), { rows: 1, inner: 2, columns: 4 }, out);
 * out; // => Float32Array [1, 2, 0, 0]
 */
export function multiplyInto(
  a: Float32Array,
  b: Float32Array,
  { rows, inner, columns, transposeA = false }: MultiplyOptions,
  out: Float32Array,
): void {
  const where = 'multiplyInto';
  if (columns % 4 !== 0) throw new OptionError(where, 'columns', columns, 'a multiple of 4', 'pad with zeros');
  if (a.length !== rows * inner) throw new ShapeError(where, 'a', [a.length], `[${rows} · ${inner}]`);
  if (b.length !== inner * columns) throw new ShapeError(where, 'b', [b.length], `[${inner} · ${columns}]`);
  if (out.length !== rows * columns) throw new ShapeError(where, 'out', [out.length], `[${rows} · ${columns}]`);
  const { space, kernels } = kernelSpace();
  withArrays(space, [a, b], [out], (pa, pb, pc) => {
    const [rowStep, innerStep] = transposeA ? [4, 4 * rows] : [4 * inner, 4];
    // Down a column of A memory is read in strides: a band of rows at a time keeps its lines in the first-level cache.
    const band = transposeA ? 64 : Math.max(1, inner);
    for (let k = 0; k < inner || k === 0; k += band) {
      const terms = Math.min(band, inner - k);
      const at = pa! + k * innerStep;
      kernels.product(at, rowStep, innerStep, rows, terms, pb! + 4 * k * columns, columns, pc!, k > 0 ? 1 : 0);
    }
  });
}

/**
 * Makes the rows of float32 `[rows, width]` orthonormal in place, by modified Gram-Schmidt in float32 with two projections.
 *
 * A row of which less than `tolerance` of its norm is left after that depends on those before it: it becomes zeros instead
 * of magnified rounding. O(rows² · width).
 *
 * @throws {@link OptionError} if `width` is not a multiple of 4; {@link ShapeError} if the length does not fit.
 */
export function orthonormalizeRows(x: Float32Array, rows: number, width: number, tolerance = 3e-6): void {
  const where = 'orthonormalizeRows';
  if (width % 4 !== 0) throw new OptionError(where, 'width', width, 'a multiple of 4', 'pad with zeros');
  if (x.length !== rows * width) throw new ShapeError(where, 'x', [x.length], `[${rows} · ${width}]`);
  const { space, kernels } = kernelSpace();
  const place = placeOf(space, x);
  if (place !== undefined) {
    kernels.orthonormalize(place, rows, width, tolerance);
    return;
  }
  withScratch(space, x.byteLength, (scratch) => {
    copyIn(space, x, scratch);
    kernels.orthonormalize(scratch, rows, width, tolerance);
    copyOut(space, scratch, x);
  });
}
