/** One rank's training: forward, backward, gradient all-reduce, update; evaluation. Composes the parts beside it. */
import { GradientBuckets, placeRank, type RankContext } from '@strata-ml/core';
import { readTensor } from '@strata-ml/kernels';
import {
  bceSum,
  createGnn,
  createOptimizer,
  crossEntropySum,
  type GnnModel,
  type LayerFactory,
  type Optimizer,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { type PartSeconds, PhaseTimes } from '../exchange/PhaseTimes.js';
import { modes } from '../modes/registry.js';
import type { ModeEnvironment, StepView, TrainingMode } from '../modes/TrainingMode.js';
import type { NamedArray } from '../report.js';
import { firstRows } from '../stages/rows.js';
import { type Scores, scoreModel } from './evaluate.js';
import { FlatParameters } from './parameters.js';
import type { TrainPayload } from './payload.js';

/** Trains one rank's share. Every method is collective. */
export class RankTrainer {
  readonly model: GnnModel;
  readonly mode: TrainingMode;
  readonly parameters: FlatParameters;
  readonly optimizer: Optimizer;
  readonly #ctx: RankContext<unknown>;
  readonly #payload: TrainPayload;
  readonly #environment: ModeEnvironment;
  readonly #times: PhaseTimes;
  readonly #buckets: GradientBuckets;
  /** Largest memory in use while training, evaluation left out. */
  #peakBytes = 0;

  /** @param layer - makes the layers of model `custom` */
  constructor(ctx: RankContext<unknown>, payload: TrainPayload, layer?: LayerFactory) {
    const { options, spec } = payload;
    this.#ctx = ctx;
    this.#payload = payload;
    const serverOf = Array.from({ length: ctx.worldSize }, (_, rank) => placeRank(ctx.cluster, rank).server);
    this.#times = new PhaseTimes(ctx.rank, serverOf, ctx.trace);
    this.#environment = { ctx, payload, serverOf, times: this.#times };
    this.mode = modes[options.mode].create(this.#environment, options.modeOptions);
    this.model = createGnn(spec, layer);
    this.parameters = new FlatParameters(this.model);
    this.optimizer = createOptimizer(options.optimizer);
    this.#buckets = new GradientBuckets(ctx.world, this.parameters.gradients, {
      bucketBytes: options.bucketBytes,
      algorithm: options.allReduce,
      phase: 'gradient',
    });
    this.parameters.assertEqualOnAllRanks(ctx.world, 'at the start');
  }

  /** Peak bytes of tensors, evaluation left out. */
  get peakBytes(): number {
    return Math.max(this.#peakBytes, this.#ctx.device.memory.peakBytes);
  }

  /** One epoch; returns this rank's share of the mean training loss of its steps. */
  epoch(epoch: number): number {
    const steps = this.mode.stepsPerEpoch;
    let loss = 0;
    for (let step = 0; step < steps; step++) {
      const view = this.mode.beginStep(epoch, step);
      loss += this.#step(view, (epoch - 1) * steps + step + 1) / steps;
      this.mode.endStep();
    }
    return loss;
  }

  /** Scores with full neighbourhoods and no dropout. */
  evaluate(epoch: number): Scores {
    this.#peakBytes = this.peakBytes;
    const scores = this.#ctx.trace.span('evaluate', 'other', () =>
      scoreModel(this.#environment, this.model, epoch, this.mode.exactView),
    );
    this.#ctx.device.memory.resetPeak();
    this.#times.take();
    return scores;
  }

  /** Seconds by part since the last call. */
  takeSeconds(): PartSeconds {
    return this.#times.take();
  }

  /** Copies of the trained arrays, by name. */
  arrays(): { readonly weights: Record<string, NamedArray>; readonly buffers: Record<string, NamedArray> } {
    const buffers = this.model.state().map(({ name, data }) => [name, { shape: [data.length], data: data.slice() }]);
    return { weights: this.parameters.named(), buffers: Object.fromEntries(buffers) };
  }

  /** Frees tensors and operators. */
  dispose(): void {
    this.mode.dispose();
    this.model.dispose();
  }

  /** One optimiser step; `number` counts steps from 1 and is part of the dropout key. */
  #step({ context, local, divisor }: StepView, number: number): number {
    const { trace } = this.#ctx;
    context.beginPass({ epoch: number, training: true });
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
          const logits = firstRows(this.model.forward(context), context.numOutputs);
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
    this.#times.time('gradient', () => trace.span('gradient all-reduce', 'wait', () => this.#buckets.flush()));
    trace.span('update', 'compute', () => {
      this.optimizer.step(this.parameters.values, this.parameters.gradients);
      this.parameters.apply();
    });
    return loss;
  }

  /** Takes the gradient of parameter `index`, zeros if there is none, and lets its bucket go. */
  #take(index: number, gradient: tf.Tensor | undefined): void {
    const { gradients, slots } = this.parameters;
    const { begin, end } = slots[index]!;
    if (gradient) gradients.set(readTensor(gradient).subarray(0, end - begin), begin);
    else gradients.fill(0, begin, end);
    this.#buckets.ready(begin, end);
  }
}
