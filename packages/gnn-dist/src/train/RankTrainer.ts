/** One rank's training: forward, backward, gradient all-reduce, update; evaluation. Composes the parts beside it. */
import { performance } from 'node:perf_hooks';
import { GradientBuckets, type RankContext, Rng } from '@strata-ml/core';
import { readTensor } from '@strata-ml/kernels';
import { bceSum, createGnn, createOptimizer, crossEntropySum, type GnnModel, type Optimizer } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { DistGraphContext } from '../DistGraphContext.js';
import { buildOneHopBlock } from '../plan/rankGraph.js';
import type { NamedArray } from '../report.js';
import { type LocalData, localData } from './localData.js';
import { FlatParameters } from './parameters.js';
import type { GraphView, TrainPayload } from './payload.js';
import { countHits, type HitCount, reduceScores } from './scores.js';

/** A graph view on this rank. */
interface RankView {
  readonly context: DistGraphContext;
  readonly local: LocalData;
}

/** Accuracy or micro-F1 of the three parts of the split. */
export interface Scores {
  readonly train: number;
  readonly val: number;
  readonly test: number;
}

/** Trains one rank's share. Every method is collective. */
export class RankTrainer {
  readonly model: GnnModel;
  readonly parameters: FlatParameters;
  readonly optimizer: Optimizer;
  readonly #ctx: RankContext<unknown>;
  readonly #payload: TrainPayload;
  readonly #train: RankView;
  readonly #val: RankView;
  readonly #test: RankView;
  readonly #buckets: GradientBuckets;
  #gradientWaitSeconds = 0;

  constructor(ctx: RankContext<unknown>, payload: TrainPayload) {
    const { views, options, spec } = payload;
    this.#ctx = ctx;
    this.#payload = payload;
    this.#train = this.#view(views.train);
    this.#val = views.val ? this.#view(views.val) : this.#train;
    this.#test = views.test ? this.#view(views.test) : this.#val;
    this.model = createGnn(spec);
    this.parameters = new FlatParameters(this.model);
    this.optimizer = createOptimizer(options.optimizer);
    this.#buckets = new GradientBuckets(ctx.world, this.parameters.gradients, {
      bucketBytes: options.bucketBytes,
      algorithm: options.allReduce,
      phase: 'gradient',
    });
    this.parameters.assertEqualOnAllRanks(ctx.world, 'at the start');
  }

  /** One epoch; returns the sum of the losses of my training vertices, divided by their number on all ranks. */
  epoch(epoch: number): number {
    const { trace } = this.#ctx;
    const { context, local } = this.#train;
    const divisor = this.#payload.data.split.train.length;
    context.beginPass({ epoch, training: true });
    const left = new Set(this.parameters.slots.keys());
    if (this.#payload.options.overlapGradients) {
      this.model.watchGradients((index, gradient) => {
        left.delete(index);
        this.#take(index, gradient);
      });
    }
    const loss = tf.tidy(() => {
      const { value, grads } = trace.span('forward and backward', 'compute', () =>
        tf.variableGrads(() => {
          const logits = this.model.forward(context);
          return local.multiLabels
            ? bceSum(logits, local.multiLabels, local.train, divisor)
            : crossEntropySum(logits, local.labels, local.train, divisor);
        }),
      );
      // Last layer first, the order in which backward makes them.
      for (const index of [...left].reverse()) this.#take(index, grads[this.parameters.slots[index]!.variable.name]);
      return readTensor(value)[0]!;
    });
    this.model.watchGradients(undefined);
    context.endPass();
    const start = performance.now();
    trace.span('gradient all-reduce', 'wait', () => this.#buckets.flush());
    this.#gradientWaitSeconds += (performance.now() - start) / 1000;
    trace.span('update', 'compute', () => {
      this.optimizer.step(this.parameters.values, this.parameters.gradients);
      this.parameters.apply();
    });
    return loss;
  }

  /** Scores with full neighbourhoods and no dropout. */
  evaluate(epoch: number): Scores {
    return this.#ctx.trace.span('evaluate', 'other', () => {
      const train = this.#counts(this.#train, epoch, ['train', 'val', 'test']);
      const val = this.#val === this.#train ? train : this.#counts(this.#val, epoch, ['val', 'test']);
      const test = this.#test === this.#val ? val : this.#counts(this.#test, epoch, ['test']);
      const none: HitCount = [0, 0];
      const scores = reduceScores(this.#ctx.world, [train.train ?? none, val.val ?? none, test.test ?? none]);
      return { train: scores[0]!, val: scores[1]!, test: scores[2]! };
    });
  }

  /** Seconds blocked on halo rows and on gradients since the last call. */
  takeWaitSeconds(): { readonly halo: number; readonly gradient: number } {
    const gradient = this.#gradientWaitSeconds;
    this.#gradientWaitSeconds = 0;
    return { halo: this.#train.context.halo.takeWaitSeconds(), gradient };
  }

  /** Copies of the trained arrays, by name. */
  arrays(): { readonly weights: Record<string, NamedArray>; readonly buffers: Record<string, NamedArray> } {
    const buffers = this.model.state().map(({ name, data }) => [name, { shape: [data.length], data: data.slice() }]);
    return { weights: this.parameters.named(), buffers: Object.fromEntries(buffers) };
  }

  /** Frees tensors and operators. */
  dispose(): void {
    for (const view of new Set([this.#train, this.#val, this.#test])) view.context.dispose();
    this.model.dispose();
  }

  #view(view: GraphView): RankView {
    const { world, trace } = this.#ctx;
    const { data, options, partOf, spec } = this.#payload;
    const block = buildOneHopBlock(view.graph, partOf, world.rank, world.size, view.include);
    const context = new DistGraphContext({
      world,
      block,
      features: data.features,
      inputWidth: data.numFeatures,
      inDegrees: view.inDegrees,
      outDegrees: view.outDegrees,
      globalRows: view.numIncluded,
      rng: new Rng(options.seed),
      trace,
      haloFeatures: options.haloFeatures,
      readsHaloFeatures: spec.model !== 'resSage',
      overlap: options.overlap,
    });
    return { context, local: localData(data, block) };
  }

  /** Takes the gradient of parameter `index`, zeros if there is none, and lets its bucket go. */
  #take(index: number, gradient: tf.Tensor | undefined): void {
    const { gradients, slots } = this.parameters;
    const { begin, end } = slots[index]!;
    if (gradient) gradients.set(readTensor(gradient).subarray(0, end - begin), begin);
    else gradients.fill(0, begin, end);
    this.#buckets.ready(begin, end);
  }

  #counts(view: RankView, epoch: number, parts: readonly ('train' | 'val' | 'test')[]) {
    const { context, local } = view;
    context.beginPass({ epoch, training: false });
    const counts: Partial<Record<'train' | 'val' | 'test', HitCount>> = {};
    tf.tidy(() => {
      const logits = this.model.forward(context);
      for (const part of parts) counts[part] = countHits(logits, local[part], local);
    });
    context.endPass();
    return counts;
  }
}
