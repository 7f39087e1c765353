/** The graph as a layer sees it while one partition is computed: all rows that it reads are at hand. */
import type { Rng } from '@strata-ml/core';
import { dropoutRows } from '@strata-ml/kernels';
import {
  dropoutKey,
  type GraphContext,
  type InputRows,
  multiply,
  type NeighbourBlock,
  type Normaliser,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import { Aggregator } from './aggregate.js';

/** What a {@link PartitionContext} is made from. */
export interface PartitionContextOptions {
  /** n_p. */
  readonly rows: number;
  /** Rows that are at hand: e_p, or n_p for layers without neighbours. */
  readonly sources: number;
  /** Absent for layers without neighbours. */
  readonly csr: BipartiteCsr | undefined;
  /** Vertex of each source row, as the user numbers them: masks do not depend on the partition. int32 `[sources]`. */
  readonly vertices: Int32Array;
  /** N. */
  readonly globalRows: number;
  readonly rng: Rng;
  readonly epoch: number;
  readonly training: boolean;
  /** What batch norm does with its sums: see {@link GraphContext.allReduceSum}. */
  readonly onSums?: (sums: Float64Array) => void;
}

/** One partition in one layer. Dispose it after the step. */
export class PartitionContext implements GraphContext {
  readonly numOwned: number;
  readonly numSources: number;
  readonly inputWidth = 0;
  readonly globalRows: number;
  readonly statisticRows: number;
  readonly training: boolean;
  /** What stands for the input features in `projectInput`. */
  input: tf.Tensor2D | undefined;
  readonly #options: PartitionContextOptions;
  readonly #aggregator: Aggregator | undefined;

  constructor(options: PartitionContextOptions) {
    this.#options = options;
    this.numOwned = options.sources;
    this.numSources = options.sources;
    this.globalRows = options.globalRows;
    this.statisticRows = options.rows;
    this.training = options.training;
    this.#aggregator = options.csr && new Aggregator(options.csr);
  }

  projectInput(weight: tf.Tensor2D, rows: InputRows, dropoutRate: number, layer: number): tf.Tensor2D {
    const x = this.dropout(this.input!, dropoutRate, 'dropout', layer);
    return multiply(rows === 'destinations' ? this.destinations(x) : x, weight);
  }

  enter(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  destinations(h: tf.Tensor2D): tf.Tensor2D {
    const { rows } = this.#options;
    return rows === h.shape[0] ? h : tf.slice2d(h, [0, 0], [rows, h.shape[1]]);
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return this.#aggregator!.aggregate(h, norm);
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return this.#aggregator!.aggregate(p, norm);
  }

  exchange(h: tf.Tensor2D): tf.Tensor2D {
    return h;
  }

  blockOf(): NeighbourBlock {
    const { rowPointers, columnIndices } = this.#options.csr!;
    return {
      indptr: new Int32Array(rowPointers.buffer, rowPointers.byteOffset, rowPointers.length),
      indices: new Int32Array(columnIndices.buffer, columnIndices.byteOffset, columnIndices.length),
    };
  }

  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D {
    const { training, vertices, rng, epoch } = this.#options;
    if (!training || rate === 0) return h;
    return dropoutRows(h, vertices.subarray(0, h.shape[0]), rate, dropoutKey(rng, purpose, epoch, layer));
  }

  allReduceSum(sums: Float64Array): void {
    this.#options.onSums?.(sums);
  }

  dispose(): void {
    this.#aggregator?.dispose();
  }
}
