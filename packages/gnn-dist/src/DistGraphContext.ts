/**
 * The graph a model sees on one rank of a cluster: the same interface as on one device, with halo rows fetched from
 * their owners and their gradients returned.
 */
import type { ProcessGroup, Rng, Trace } from '@strata-ml/core';
import { dropoutRows, spmm } from '@strata-ml/kernels';
import {
  dropoutKey,
  type GraphContext,
  type NeighbourBlock,
  type Normaliser,
  normalisedWeights,
} from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { Features } from './data.js';
import { AggregationOperator, type HaloCall, haloAggregate, haloGather } from './exchange/haloAggregate.js';
import { HaloExchange } from './exchange/haloExchange.js';
import { type HaloFeatures, InputFeatures } from './input/InputFeatures.js';
import type { OneHopBlock } from './plan/rankGraph.js';
import { exchangeSendPlan } from './plan/sendPlan.js';

/** What a {@link DistGraphContext} is made from. */
export interface DistGraphOptions {
  readonly world: ProcessGroup;
  readonly block: OneHopBlock;
  readonly features: Features;
  readonly inputWidth: number;
  /** In- and out-degree of every vertex in the whole message graph, int32 `[n]`. */
  readonly inDegrees: Int32Array;
  readonly outDegrees: Int32Array;
  /** Vertices of the whole graph this context trains on. */
  readonly globalRows: number;
  /** Seeds dropout; equal on all ranks. */
  readonly rng: Rng;
  readonly trace: Trace;
  readonly haloFeatures: HaloFeatures;
  /** False for models whose first layer reads owned rows only (an encoder): raw features then never travel. */
  readonly readsHaloFeatures: boolean;
  readonly overlap: boolean;
}

/** A rank's view of the distributed graph; one object serves all epochs. Creation is collective over `world`. */
export class DistGraphContext implements GraphContext {
  readonly inputWidth: number;
  readonly globalRows: number;
  readonly block: NeighbourBlock;
  readonly halo: HaloExchange;
  readonly #options: DistGraphOptions;
  readonly #input: InputFeatures;
  readonly #operators = new Map<Normaliser, AggregationOperator>();
  #training = false;
  #epoch = 0;

  constructor(options: DistGraphOptions) {
    this.#options = options;
    this.inputWidth = options.inputWidth;
    this.globalRows = options.globalRows;
    this.block = options.block;
    const plan = exchangeSendPlan(options.world, options.block);
    this.halo = new HaloExchange(options.world, options.block, plan, options.trace);
    this.#input = new InputFeatures(options.features, options.inputWidth, options.block, this.halo, options.trace);
    if (options.readsHaloFeatures && options.haloFeatures === 'once') this.#input.fetchHalo('setup');
  }

  get numOwned(): number {
    return this.#options.block.numOwned;
  }

  get numSources(): number {
    return this.#options.block.numSources;
  }

  get training(): boolean {
    return this.#training;
  }

  /** Starts a forward pass; collective. */
  beginPass({ epoch, training }: { readonly epoch: number; readonly training: boolean }): void {
    this.#epoch = epoch;
    this.#training = training;
    const { haloFeatures, readsHaloFeatures } = this.#options;
    // Evaluation reads the features that training fetched last: they do not change.
    if (readsHaloFeatures && haloFeatures !== 'once' && (training || !this.#input.hasHalo)) {
      this.#input.fetchHalo(training ? 'forward' : 'evaluation');
    }
  }

  /** Frees what the pass needed, after its gradients are taken. */
  endPass(): void {
    this.#input.endPass();
  }

  projectInput(weight: tf.Tensor2D, rows: 'owned' | 'sources', dropoutRate: number, layer: number): tf.Tensor2D {
    const drops = this.#training && dropoutRate > 0;
    const dropout = drops ? { rate: dropoutRate, key: this.#dropoutKey('dropout', layer) } : undefined;
    return this.#options.trace.span('project input', 'compute', () => this.#input.project(weight, rows, dropout));
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser, layer: number): tf.Tensor2D {
    return haloAggregate(this.#operator(norm), h, this.#call(layer));
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return spmm(this.#operator(norm).forward, p);
  }

  exchange(h: tf.Tensor2D, layer: number): tf.Tensor2D {
    return haloGather(h, this.#call(layer));
  }

  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D {
    if (!this.#training || rate === 0) return h;
    const ids = this.#options.block.globalIds.subarray(0, h.shape[0]);
    return dropoutRows(h, ids, rate, this.#dropoutKey(purpose, layer));
  }

  allReduceSum(stats: Float64Array): void {
    this.#options.world.allReduce(stats, { phase: this.#training ? 'norm' : 'evaluation' });
  }

  /** Frees operators and features. */
  dispose(): void {
    this.#input.dispose();
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }

  #call(layer: number): HaloCall {
    const { block, trace, overlap } = this.#options;
    const phase = this.#training ? 'forward' : 'evaluation';
    return { exchange: this.halo, block, trace, overlap, layer, phase };
  }

  #dropoutKey(purpose: string, layer: number): readonly [number, number] {
    return dropoutKey(this.#options.rng, purpose, this.#epoch, layer);
  }

  #operator(norm: Normaliser): AggregationOperator {
    let operator = this.#operators.get(norm);
    if (!operator) {
      operator = new AggregationOperator(this.#options.block, this.#weights(norm));
      this.#operators.set(norm, operator);
    }
    return operator;
  }

  /** Weights from degrees of the whole graph, so that a partition changes nothing. */
  #weights(norm: Normaliser): Float32Array {
    const { block, inDegrees, outDegrees } = this.#options;
    const inDegree = Int32Array.from(block.globalIds.subarray(0, block.numOwned), (id) => inDegrees[id]!);
    const outDegree = Int32Array.from(block.globalIds, (id) => outDegrees[id]!);
    return normalisedWeights(block, norm, inDegree, outDegree);
  }
}
