/**
 * The graph as a summing layer (GCN, GraphSAGE) sees it while one partition is computed: only the partition's own rows are
 * at hand, and rows of each other partition come, are added and go.
 *
 * The sums are those over the gathered input, tile by tile; the device holds one tile instead of all of them, so partitions
 * can be larger and each block is read by fewer of them.
 */
import type { Rng } from '@strata-ml/core';
import {
  type DropoutKey,
  dropoutRows,
  dropoutRowsInto,
  readTensor,
  spmmInto,
  spmmTransposedInto,
  unfilledTensor,
} from '@strata-ml/kernels';
import { dropoutKey, type GraphContext, multiply, type NeighbourBlock, type Normaliser } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import { meanWeights } from './aggregate.js';
import { type ColumnRange, columnTiles, type Tile } from './tiles.js';

/** Where the rows of other partitions come from, and where their gradients go. */
export interface TileRows {
  /** Writes the rows that the partition reads of `owner`, float32 `[columns, width]`. */
  read(owner: number, out: Float32Array): void;
  /** Adds to the gradients of the rows that it reads of `owner`. */
  add(owner: number, gradient: Float32Array): void;
}

/** What a {@link TiledContext} is made from. */
export interface TiledContextOptions {
  readonly csr: BipartiteCsr;
  /** Columns by owner: the partition itself first. */
  readonly ranges: readonly ColumnRange[];
  readonly tiles: TileRows;
  /** The user's number of each column, for dropout. int32 `[columns]`, or empty without dropout. */
  readonly vertices: Int32Array;
  readonly globalRows: number;
  readonly rng: Rng;
  readonly epoch: number;
  readonly training: boolean;
}

/** One partition in one summing layer; `aggregate` may be called once. Dispose it after the step. */
export class TiledContext implements GraphContext {
  readonly numOwned: number;
  readonly numSources: number;
  readonly inputWidth = 0;
  readonly globalRows: number;
  readonly training: boolean;
  input: tf.Tensor2D | undefined;
  readonly #options: TiledContextOptions;
  #tiles: readonly Tile[] = [];
  /** The mask that the layer put on its own rows: rows of others get the same one. */
  #dropped: { readonly rate: number; readonly key: DropoutKey } | undefined;

  constructor(options: TiledContextOptions) {
    this.#options = options;
    this.numOwned = options.csr.rows;
    this.numSources = options.csr.rows;
    this.globalRows = options.globalRows;
    this.training = options.training;
  }

  projectInput(weight: tf.Tensor2D, _rows: unknown, dropoutRate: number, layer: number): tf.Tensor2D {
    return multiply(this.dropout(this.input!, dropoutRate, 'dropout', layer), weight);
  }

  enter(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  destinations(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  exchange(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  blockOf(): NeighbourBlock {
    return { indptr: new Int32Array(1), indices: new Int32Array(0) };
  }

  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D {
    const { training, vertices, rng, epoch, csr } = this.#options;
    if (!training || rate === 0) return h;
    const key = dropoutKey(rng, purpose, epoch, layer);
    this.#dropped = { rate, key };
    return dropoutRows(h, vertices.subarray(0, csr.rows), rate, key);
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    const { csr, ranges, tiles: rows } = this.#options;
    const width = h.shape[1];
    const weights = norm === 'mean' ? meanWeights(csr.rowPointers, csr.columnIndices.length) : csr.weights!;
    const tiles = columnTiles(csr, weights, ranges);
    this.#tiles = tiles;
    const [own, ...others] = tiles;
    return tf.customGrad((input) => ({
      value: unfilledTensor([csr.rows, width], (out) => {
        spmmInto(own!.operator, readTensor(input as tf.Tensor), width, out);
        for (const { owner, columns, operator } of others) {
          const x = unfilledTensor([columns, width], (into) => {
            rows.read(owner, into);
            this.#mask(owner, into, width);
          });
          spmmInto(operator, readTensor(x), width, out, { accumulate: true });
          x.dispose();
          operator.dispose();
        }
      }),
      gradFunc: (dy: tf.Tensor) => {
        for (const { owner, columns, operator } of others) {
          const x = unfilledTensor([columns, width], (into) => {
            spmmTransposedInto(operator, readTensor(dy), width, into);
            this.#mask(owner, into, width);
          });
          rows.add(owner, readTensor(x));
          x.dispose();
          operator.dispose();
        }
        return unfilledTensor([csr.rows, width], (into) =>
          spmmTransposedInto(own!.operator, readTensor(dy), width, into),
        );
      },
    }))(h) as tf.Tensor2D;
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return this.aggregate(p, norm);
  }

  allReduceSum(_sums: Float64Array): void {}

  dispose(): void {
    for (const { operator } of this.#tiles) operator.dispose();
  }

  /** Dropout of rows of another partition, or of their gradients, in place. */
  #mask(owner: number, x: Float32Array, width: number): void {
    if (!this.#dropped) return;
    const { begin, end } = this.#options.ranges.find((range) => range.owner === owner)!;
    const { rate, key } = this.#dropped;
    dropoutRowsInto(x, width, this.#options.vertices.subarray(begin, end), rate, key, x);
  }
}
