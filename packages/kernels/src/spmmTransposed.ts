/** The transpose of a sparse matrix times a dense one, without building the transpose. */
import { OptionError, ShapeError } from './errors.js';
import { kernelSpace } from './kernelMemory.js';
import type { SparseOperator } from './SparseOperator.js';
import { withArrays, withScratch } from './staging.js';

/** Bytes of a row of the result that are computed at a time: sixteen columns, one cache line. */
const TILE_BYTES = 64;

/**
 * Computes out = opᵀ·x on plain arrays, by adding each row of x to the rows of `out` that the entries of `op` name.
 *
 * x is float32 `[op.rows, width]`, out float32 `[op.cols, width]`, not overlapping. Every sum is formed in ascending order
 * of the rows of `op`, so the bits are those of a product with `op.transposed()`. Use it for a matrix that is needed once
 * or twice; a transpose that is kept is faster from then on. O(nnz · width), with 64 bytes of scratch per column of `op`.
 *
 * @throws {@link ShapeError} if the lengths do not fit; {@link OptionError} if `width` is no integer ≥ 1.
 * @example
 * const op = new SparseOperator({ rows: 1, cols: 2, indptr: Int32Array.of(0, 2), indices: Int32Array.of(0, 1) });
 * const out = new Float32Array(2);
 * spmmTransposedInto(op, Float32Array.of(3), 1, out);
 * out; // => Float32Array [3, 3]
 */
export function spmmTransposedInto(op: SparseOperator, x: Float32Array, width: number, out: Float32Array): void {
  const where = 'spmmTransposedInto';
  if (!Number.isInteger(width) || width < 1) throw new OptionError(where, 'width', width, 'an integer ≥ 1');
  if (x.length !== op.rows * width) throw new ShapeError(where, 'x', [x.length], `[${op.rows}, ${width}]`);
  if (out.length !== op.cols * width) throw new ShapeError(where, 'out', [out.length], `[${op.cols}, ${width}]`);
  if (out.length === 0) return;
  const { space, kernels } = kernelSpace();
  op.addresses(space); // May grow the memory, so before the arrays find their places.
  const rowBytes = 4 * width;
  const tileLength = op.cols * TILE_BYTES;
  withArrays(space, [x], [out], (from, to) =>
    withScratch(space, tileLength, (tile) => {
      const { indptr, indices, values } = op.addresses(space);
      for (let c = 0; c < rowBytes; c += TILE_BYTES) {
        const bytes = Math.min(TILE_BYTES, rowBytes - c);
        new Uint8Array(space.memory.buffer, tile, tileLength).fill(0);
        kernels.spmmTransposed(op.rows, indptr, indices, values, from! + c, rowBytes, bytes, tile);
        kernels.packColumns(tile, TILE_BYTES, op.cols, bytes, rowBytes, to! + c);
      }
    }),
  );
}
