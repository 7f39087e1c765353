/**
 * How rows of a sparse product are computed: at once, or sixteen columns after another where x exceeds the caches.
 *
 * A product reads a row of x for every stored entry. If x lies in the second-level cache that is fast; if not, a copy of
 * sixteen columns of x may, and copying costs one pass over x. Both ways give the same bits.
 */
import { StrataError } from './errors.js';
import type { KernelMemory } from './kernelMemory.js';
import type { KernelExports } from './kernelModule.js';

/** Bytes of x up to which it is read in place: a second-level cache holds it with room for the matrix. */
const CACHED_BYTES = 768 * 1024;
/** Bytes of a packed row: one cache line. */
const TILE_BYTES = 64;
/** Entries for each row of x from which packing is worth its pass over x. */
const MIN_REUSE = 4;
/** Rows of x up to which packed columns stay in the second-level cache. */
const NEAR_ROWS = 12_288;
/** Rows of x up to which a row is far cheaper to read than memory: a third-level cache holds it, packed or not. */
const MIDDLE_ROWS = 65_536;
/** Bytes of a row from which on packing pays there as well. */
const WIDE_BYTES = 512;
/** Rows of x up to which packed columns stay in some cache. */
const MAX_TILE_ROWS = 262_144;
/** Bytes that are fetched before they are multiplied, where x exceeds the caches: half of a first-level cache. */
const FETCHED_BYTES = 16_384;

/** One product; addresses are byte offsets into the kernel memory. */
export interface RowsToMultiply {
  /** Rows [begin, end) of the matrix. */
  readonly begin: number;
  readonly end: number;
  /** Entries of these rows, about. */
  readonly entries: number;
  readonly matrix: {
    readonly indptr: number;
    readonly indices: number;
    readonly values: number;
    readonly cols: number;
  };
  readonly x: number;
  readonly rowBytes: number;
  /** Where row `begin` of the result goes. */
  readonly out: number;
  /** 1 adds to what `out` holds. */
  readonly accumulate: number;
}

/** out = matrix · x for the rows asked. */
export function multiplyRows(space: KernelMemory, kernels: KernelExports, product: RowsToMultiply): void {
  const { begin, end, entries, matrix, x, rowBytes, out, accumulate } = product;
  const { indptr, indices, values, cols } = matrix;
  const isLarge = cols * rowBytes > CACHED_BYTES && rowBytes > TILE_BYTES;
  const ahead = (bytes: number): number => (isLarge && cols > MIDDLE_ROWS ? Math.ceil(FETCHED_BYTES / bytes) : 0);
  const tile =
    isLarge && entries >= MIN_REUSE * cols && isPacked(cols, rowBytes)
      ? scratchFor(space, cols * TILE_BYTES)
      : undefined;
  if (tile === undefined) {
    kernels.spmm(
      begin,
      end,
      indptr,
      indices,
      values,
      x,
      rowBytes,
      rowBytes,
      out,
      rowBytes,
      accumulate,
      ahead(rowBytes),
    );
    return;
  }
  try {
    const fetched = ahead(TILE_BYTES);
    for (let c = 0; c < rowBytes; c += TILE_BYTES) {
      const bytes = Math.min(TILE_BYTES, rowBytes - c);
      // Rows keep a line each, also in the last, narrower tile.
      kernels.packColumns(x + c, rowBytes, cols, bytes, TILE_BYTES, tile);
      if (bytes === TILE_BYTES) {
        kernels.spmmTile(begin, end, indptr, indices, values, tile, out + c, rowBytes, accumulate, fetched);
      } else {
        kernels.spmm(
          begin,
          end,
          indptr,
          indices,
          values,
          tile,
          TILE_BYTES,
          bytes,
          out + c,
          rowBytes,
          accumulate,
          fetched,
        );
      }
    }
  } finally {
    space.free(tile);
  }
}

/** Whether packed columns lie in a nearer cache than x does. Measured. */
function isPacked(cols: number, rowBytes: number): boolean {
  if (cols <= NEAR_ROWS) return true;
  return cols <= MIDDLE_ROWS ? rowBytes >= WIDE_BYTES : cols <= MAX_TILE_ROWS;
}

/** A block, or none where the memory is full: the product needs no packed columns, it is only slower without. */
function scratchFor(space: KernelMemory, bytes: number): number | undefined {
  try {
    return space.alloc(bytes);
  } catch (error) {
    if (error instanceof StrataError) return undefined;
    throw error;
  }
}
