/**
 * The graph a model sees on one rank of a cluster: the same interface as on one device, with rows of other devices
 * fetched from their owners and their gradients returned. A stage per convolution says how.
 */
import { OptionError, type ProcessGroup, type Rng, type Trace } from '@strata-ml/core';
import { dropoutRows } from '@strata-ml/kernels';
import { dropoutKey, type GraphContext, type InputRows, type NeighbourBlock, type Normaliser } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { PhaseTimes } from './exchange/PhaseTimes.js';
import type { HaloFeatures, InputFeatures } from './input/InputFeatures.js';
import type { LayerStage, StageCall } from './stages/LayerStage.js';
import { firstRows } from './stages/rows.js';

/** What a {@link DistGraphContext} is made from. */
export interface DistGraphOptions {
  readonly world: ProcessGroup;
  /** One per convolution; layers that read the graph alike share one. The last is used for all further layers. */
  readonly stages: readonly LayerStage[];
  /** Features of the rows that enter the first stage. */
  readonly input: InputFeatures;
  /** Leading rows that leave the last layer and count in the loss: my vertices, without replicas. */
  readonly numOutputs: number;
  /** Vertices of the whole graph this context trains on: rows of all ranks that count in statistics. */
  readonly globalRows: number;
  /** Seeds dropout; equal on all ranks. */
  readonly rng: Rng;
  readonly trace: Trace;
  readonly times: PhaseTimes;
  readonly haloFeatures: HaloFeatures;
  /** False for models whose first layer reads owned rows only (an encoder): raw features then never travel. */
  readonly readsHaloFeatures: boolean;
  readonly overlap: boolean;
}

/** A rank's view of the distributed graph; one object serves many epochs. Making one may be collective. */
export class DistGraphContext implements GraphContext {
  readonly inputWidth: number;
  readonly globalRows: number;
  readonly statisticRows: number;
  readonly numOutputs: number;
  readonly #options: DistGraphOptions;
  readonly #first: LayerStage;
  readonly #last: LayerStage;
  #training = false;
  #epoch = 0;

  constructor(options: DistGraphOptions) {
    const { stages } = options;
    if (stages.length === 0) throw new OptionError('DistGraphContext', 'stages', [], 'one per convolution');
    this.#options = options;
    this.#first = stages[0]!;
    this.#last = stages[stages.length - 1]!;
    this.inputWidth = options.input.width;
    this.globalRows = options.globalRows;
    this.numOutputs = options.numOutputs;
    this.statisticRows = options.numOutputs;
    if (options.readsHaloFeatures && options.haloFeatures === 'once') options.input.fetchHalo('setup');
  }

  get numOwned(): number {
    return this.#first.numOwned;
  }

  get numSources(): number {
    return this.#first.numSources;
  }

  get training(): boolean {
    return this.#training;
  }

  /** Starts a forward pass; collective. `epoch` is part of the dropout key: steps of one epoch need different ones. */
  beginPass({ epoch, training }: { readonly epoch: number; readonly training: boolean }): void {
    this.#epoch = epoch;
    this.#training = training;
    const { haloFeatures, readsHaloFeatures, input } = this.#options;
    // Evaluation reads the features that training fetched last: they do not change.
    if (readsHaloFeatures && haloFeatures !== 'once' && (training || !input.hasHalo)) {
      input.fetchHalo(training ? 'forward' : 'evaluation');
    }
  }

  /** Frees what the pass needed, after its gradients are taken. */
  endPass(): void {
    this.#options.input.endPass();
  }

  projectInput(weight: tf.Tensor2D, rows: InputRows, dropoutRate: number, layer: number): tf.Tensor2D {
    const { input, trace } = this.#options;
    const drops = this.#training && dropoutRate > 0;
    const dropout = drops ? { rate: dropoutRate, key: this.#dropoutKey('dropout', layer) } : undefined;
    const projected = trace.span('project input', 'compute', () =>
      input.project(weight, rows === 'sources' ? 'sources' : 'owned', dropout),
    );
    return rows === 'destinations' ? firstRows(projected, this.#first.numDestinations) : projected;
  }

  enter(h: tf.Tensor2D, layer: number): tf.Tensor2D {
    const { stages } = this.#options;
    if (layer > stages.length) return firstRows(h, this.numOutputs);
    const stage = this.#stage(layer);
    return stage.enter ? stage.enter(h, this.#call(layer)) : firstRows(h, stage.numOwned);
  }

  destinations(h: tf.Tensor2D, layer: number): tf.Tensor2D {
    return firstRows(h, this.#stage(layer).numDestinations);
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser, layer: number): tf.Tensor2D {
    return this.#stage(layer).aggregate(h, norm, this.#call(layer));
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return this.#first.aggregateSources(p, norm, this.#call(1));
  }

  exchange(h: tf.Tensor2D, layer: number): tf.Tensor2D {
    return this.#stage(layer).gather(h, this.#call(layer));
  }

  blockOf(layer: number): NeighbourBlock {
    return this.#stage(layer).block;
  }

  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D {
    if (!this.#training || rate === 0) return h;
    const ids = this.#stage(layer).globalIds.subarray(0, h.shape[0]);
    return dropoutRows(h, ids, rate, this.#dropoutKey(purpose, layer));
  }

  allReduceSum(stats: Float64Array): void {
    const { world, times } = this.#options;
    const isSpread = world.ranks.some((rank) => times.linkClass(rank) === 'inter');
    times.time(isSpread ? 'inter' : 'intra', () =>
      world.allReduce(stats, { phase: this.#training ? 'norm' : 'evaluation' }),
    );
  }

  /** Frees operators and features. */
  dispose(): void {
    this.#options.input.dispose();
    for (const stage of new Set(this.#options.stages)) stage.dispose();
  }

  #stage(layer: number): LayerStage {
    return this.#options.stages[Math.max(layer, 1) - 1] ?? this.#last;
  }

  #call(layer: number): StageCall {
    const { trace, overlap } = this.#options;
    return { layer, trace, overlap, phase: this.#training ? 'forward' : 'evaluation' };
  }

  #dropoutKey(purpose: string, layer: number): readonly [number, number] {
    return dropoutKey(this.#options.rng, purpose, this.#epoch, layer);
  }
}
