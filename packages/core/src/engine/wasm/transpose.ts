/** Transposition of the last two axes, tile by tile so that both sides stay in the cache. */
import { elements, floatsOf, replaceKernel } from './backend.js';

/** Rows and columns of a tile: 16 KiB read and written, half a first-level cache. */
const TILE = 32;

/** Writes the transpose of `from` `[rows, cols]`, row-major, to `to` `[cols, rows]`. */
export function transposeInto(from: Float32Array, rows: number, cols: number, to: Float32Array): void {
  for (let r0 = 0; r0 < rows; r0 += TILE) {
    const r1 = Math.min(rows, r0 + TILE);
    for (let c0 = 0; c0 < cols; c0 += TILE) {
      const c1 = Math.min(cols, c0 + TILE);
      for (let c = c0; c < c1; c++) {
        for (let r = r0, at = c * rows + r0; r < r1; r++, at++) to[at] = from[r * cols + c]!;
      }
    }
  }
}

/** Replaces Transpose where only the last two axes change places; any 32-bit type moves bit by bit as float32 would not. */
export function replaceTranspose(): void {
  replaceKernel('Transpose', (stock) => (args) => {
    const x = args.inputs.x!;
    const perm = args.attrs.perm as readonly number[];
    const rank = x.shape.length;
    const isLastTwo =
      rank >= 2 &&
      perm[rank - 1] === rank - 2 &&
      perm[rank - 2] === rank - 1 &&
      perm.slice(0, -2).every((axis, i) => axis === i);
    if (!isLastTwo || x.dtype !== 'float32') return stock(args);
    const rows = x.shape[rank - 2]!;
    const cols = x.shape[rank - 1]!;
    const out = args.backend.makeOutput([...x.shape.slice(0, -2), cols, rows], x.dtype);
    const from = floatsOf(args.backend, x);
    const to = floatsOf(args.backend, out);
    const batches = elements(x.shape.slice(0, -2));
    for (let b = 0, n = rows * cols; b < batches; b++) {
      transposeInto(from.subarray(b * n, (b + 1) * n), rows, cols, to.subarray(b * n, (b + 1) * n));
    }
    return out;
  });
}
