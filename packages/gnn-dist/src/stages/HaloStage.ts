/** A stage whose source rows are owned rows and halo rows fetched through an exchange. */
import { spmm } from '@strata-ml/kernels';
import { type Normaliser, normalisedWeights } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import { AggregationOperator, haloAggregate, haloGather } from '../exchange/haloAggregate.js';
import type { RowExchange } from '../exchange/RowExchange.js';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { LayerStage, StageCall } from './LayerStage.js';
import { firstRows, keepRows } from './rows.js';

/** What a {@link HaloStage} is made from. */
export interface HaloStageOptions {
  readonly block: OneHopBlock;
  readonly exchange: RowExchange;
  /** In-degree of each destination row: of the whole graph in exact modes, of the sample in sampled ones. */
  readonly inDegree: ArrayLike<number>;
  /** Out-degree of each source row, likewise. */
  readonly outDegree: ArrayLike<number>;
  /** Factor on what each source row gives, float32 `[numSources]`. @defaultValue ones */
  readonly sourceScale?: Float32Array;
  /** Owned rows from here on read as zero. @defaultValue all rows count */
  readonly validRows?: number;
  /** Makes the rows that enter; see {@link LayerStage.enter}. */
  readonly enter?: LayerStage['enter'];
  /** @internal Shared between stages of one view. @defaultValue a new one */
  readonly operators?: OperatorCache;
}

/** Prepared matrices by normaliser: made on first use, shared by stages that read the same edges. */
export type OperatorCache = Map<Normaliser, AggregationOperator>;

/** One-hop structure with an exchange. */
export class HaloStage implements LayerStage {
  readonly block: OneHopBlock;
  readonly exchange: RowExchange;
  readonly #options: HaloStageOptions;
  readonly #operators: OperatorCache;

  constructor(options: HaloStageOptions) {
    this.#options = options;
    this.block = options.block;
    this.exchange = options.exchange;
    this.#operators = options.operators ?? new Map();
  }

  get numOwned(): number {
    return this.block.numOwned;
  }

  get numDestinations(): number {
    return this.block.numDestinations;
  }

  get numSources(): number {
    return this.block.numSources;
  }

  get globalIds(): Int32Array {
    return this.block.globalIds;
  }

  enter(h: tf.Tensor2D, call: StageCall): tf.Tensor2D {
    return this.#options.enter?.(h, call) ?? firstRows(h, this.numOwned);
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser, call: StageCall): tf.Tensor2D {
    return haloAggregate(this.#operator(norm), this.#masked(h), {
      ...call,
      exchange: this.exchange,
      block: this.block,
    });
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return spmm(this.#operator(norm).forward, p);
  }

  gather(h: tf.Tensor2D, call: StageCall): tf.Tensor2D {
    return haloGather(this.#masked(h), { ...call, exchange: this.exchange, block: this.block });
  }

  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }

  #masked(h: tf.Tensor2D): tf.Tensor2D {
    const { validRows } = this.#options;
    return validRows === undefined || validRows >= this.numOwned ? h : keepRows(h, validRows);
  }

  #operator(norm: Normaliser): AggregationOperator {
    let operator = this.#operators.get(norm);
    if (!operator) {
      const { inDegree, outDegree, sourceScale } = this.#options;
      const weights = normalisedWeights(this.block, norm, inDegree, outDegree);
      if (sourceScale) for (let e = 0; e < weights.length; e++) weights[e]! *= sourceScale[this.block.indices[e]!]!;
      operator = new AggregationOperator(this.block, weights);
      this.#operators.set(norm, operator);
    }
    return operator;
  }
}
