/**
 * The sums over in-neighbours of one partition, rows of each other partition coming, being added and going.
 *
 * They are the sums over the gathered input; the device holds one tile instead of all of them, so partitions can be larger
 * and each block is read by fewer of them.
 */
import { type DropoutKey, dropoutRowsInto, spmmInto, spmmTransposedInto } from '@strata-ml/kernels';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import { meanWeights } from './aggregate.js';
import { deviceMatrix } from './deviceMatrix.js';
import { type ColumnRange, columnTiles, type Tile } from './tiles.js';

/** Where the rows of other partitions come from, and where their gradients go. */
export interface TileRows {
  /** Writes the rows that the partition reads of `owner`, float32 `[columns, width]`. */
  read(owner: number, out: Float32Array): void;
  /** Adds to the gradients of the rows that it reads of `owner`. */
  add(owner: number, gradient: Float32Array): void;
}

/** What {@link TileSums} are made from. */
export interface TileSumsOptions {
  readonly csr: BipartiteCsr;
  /** Columns by owner: the partition itself first. */
  readonly ranges: readonly ColumnRange[];
  readonly width: number;
  readonly norm: 'gcn' | 'mean';
  readonly rows: TileRows;
  /** Mask of every row that is read; undefined without dropout. */
  readonly dropout: { readonly rate: number; readonly key: DropoutKey } | undefined;
  /** The user's number of each column. int32 `[columns]`, or empty without dropout. */
  readonly vertices: Int32Array;
}

/** Sums of one step. */
export class TileSums {
  readonly #options: TileSumsOptions;
  readonly #tiles: readonly Tile[];

  constructor(options: TileSumsOptions) {
    const { csr, norm, ranges } = options;
    this.#options = options;
    const weights = norm === 'mean' ? meanWeights(csr.rowPointers, csr.columnIndices.length) : csr.weights!;
    this.#tiles = columnTiles(csr, weights, ranges);
  }

  /** Masks rows of a partition, or their gradients, in place. */
  mask(range: number, x: Float32Array): void {
    const { dropout, ranges, vertices, width } = this.#options;
    if (!dropout) return;
    const { begin, end } = ranges[range]!;
    dropoutRowsInto(x, width, vertices.subarray(begin, end), dropout.rate, dropout.key, x);
  }

  /** Σ_u weight(u, v)·h_u for each v. `own`: the partition's rows, masked; both float32 `[n_p, width]`. */
  forward(own: () => Float32Array, out: () => Float32Array): void {
    const { width, rows } = this.#options;
    for (const [i, { owner, columns, operator }] of this.#tiles.entries()) {
      if (i === 0) spmmInto(operator, own(), width, out());
      else {
        const x = deviceMatrix(columns, width);
        rows.read(owner, x.values());
        this.mask(i, x.values());
        spmmInto(operator, x.values(), width, out(), { accumulate: true });
        x.dispose();
      }
      operator.dispose();
    }
  }

  /**
   * Hands the gradients of other partitions' rows out and adds those of the own rows to `own`, masked together with what
   * it holds. `gradient`: of the sums, float32 `[n_p, width]`.
   */
  backward(gradient: () => Float32Array, own: () => Float32Array): void {
    const { width, rows } = this.#options;
    for (const [i, { owner, columns, operator }] of [...this.#tiles.entries()].slice(1)) {
      const x = deviceMatrix(columns, width);
      spmmTransposedInto(operator, gradient(), width, x.values());
      this.mask(i, x.values());
      rows.add(owner, x.values());
      x.dispose();
      operator.dispose();
    }
    const { columns, operator } = this.#tiles[0]!;
    const x = deviceMatrix(columns, width);
    spmmTransposedInto(operator, gradient(), width, x.values());
    const [to, from] = [own(), x.values()];
    for (let i = 0; i < to.length; i++) to[i] = to[i]! + from[i]!;
    x.dispose();
    operator.dispose();
    this.mask(0, to);
  }
}
