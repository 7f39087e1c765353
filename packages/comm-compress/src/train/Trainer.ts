/** One rank's share of a training run: schedule, gradient sums, clipping, update. Every method is collective. */
import { performance } from 'node:perf_hooks';
import { GradientBuckets, NonFiniteError, type ProcessGroup, type Trace } from '@strata-ml/core';
import { FlatParameters } from '../dataParallel/FlatParameters.js';
import { allReduceSync, syncEmbedding } from '../dataParallel/gradientSync.js';
import { createGroups, type GridGroups } from '../grid/groups.js';
import type { GridPlace } from '../grid/ParallelGrid.js';
import { BoundaryLinks } from '../pipeline/BoundaryLinks.js';
import { floatCodec } from '../pipeline/floatCodec.js';
import { runSchedule } from '../pipeline/runSchedule.js';
import { buildForwardSchedule, buildSchedule } from '../schedule/buildSchedule.js';
import type { Schedule, TransferOp } from '../schedule/ops.js';
import { validateSchedule } from '../schedule/validateSchedule.js';
import type { StageFactory, StageModule } from '../stages/StageModule.js';
import { StageRunner } from '../stages/StageRunner.js';
import { type GroupTensorParallel, groupTensorParallel } from '../tensorParallel/groupTensorParallel.js';
import type { BatchSource } from './BatchSource.js';
import { gradientNorm } from './gradientNorm.js';
import type { GradientSync, HookContext, TrainHooks } from './hooks.js';
import { learningRateAt } from './learningRate.js';
import { LossScale } from './lossScale.js';
import { SlotOptimizer } from './SlotOptimizer.js';
import type { StepReport } from './StepReport.js';
import type { ResolvedTrainerOptions } from './TrainerOptions.js';

/** What a trainer is made of. */
export interface TrainerParts {
  readonly world: ProcessGroup;
  readonly trace: Trace;
  /** Builds virtual stages, for example `gptStages(config)`. */
  readonly model: StageFactory;
  readonly data: BatchSource;
  readonly options: ResolvedTrainerOptions;
  /** Makes this rank's hooks. @defaultValue none */
  readonly hooks?: ((context: HookContext) => TrainHooks) | undefined;
}

/** A trainer on one rank. */
export class Trainer {
  readonly place: GridPlace;
  readonly groups: GridGroups;
  readonly parameters: FlatParameters;
  readonly optimizer: SlotOptimizer;
  readonly options: ResolvedTrainerOptions;
  readonly lossScale: LossScale;
  readonly hooks: TrainHooks;
  /** All virtual stages' parameters, without values. */
  readonly #parts: TrainerParts;
  readonly #tensorParallel: GroupTensorParallel;
  readonly #chunks: readonly StageModule[];
  readonly #runner: StageRunner;
  readonly #links: BoundaryLinks;
  readonly #schedule: Schedule;
  readonly #sync: GradientSync;
  readonly #buckets: GradientBuckets | undefined;
  #iteration = 0;

  constructor(parts: TrainerParts) {
    const { world, trace, options } = parts;
    const { grid, schedule, microBatches, chunks, p2p, queue } = options;
    this.#parts = parts;
    this.options = options;
    this.place = grid.placeOf(world.rank);
    const { pp, dp, stage, replica, tensor, tp } = this.place;
    this.#schedule = buildSchedule(schedule, pp, microBatches, { chunks, p2p });
    const rendezvous = p2p === 'batchedSync';
    validateSchedule(this.#schedule, { rendezvous, queue });
    this.groups = createGroups(world, grid);
    this.#tensorParallel = groupTensorParallel(this.groups.tensor, trace);
    this.#chunks = Array.from({ length: chunks }, (_, chunk) => this.virtualStage(chunk * pp + stage));
    this.parameters = new FlatParameters(this.#chunks, { size: tp, rank: tensor }, options.seed);
    this.optimizer = new SlotOptimizer(this.parameters, options.optimizer);
    this.lossScale = new LossScale(options.lossScale);
    const boundaries = pp * chunks - 1;
    this.hooks = parts.hooks?.({ place: this.place, boundaries, microBatches, seed: options.seed }) ?? {};
    this.#sync = this.hooks.gradients ?? allReduceSync;
    this.#runner = new StageRunner(this.#chunks, this.parameters, {
      recompute: options.recompute,
      replica,
      replicas: dp,
      microBatches,
      trace,
    });
    this.#links = new BoundaryLinks({
      pipeline: this.groups.pipeline,
      tensor: this.groups.tensor,
      shapeOf: (transfer) => this.#shapeOf(transfer),
      codec: this.hooks.wire ?? floatCodec(options.wire),
      scatterGather: options.scatterGather && tp > 1,
      queue: rendezvous ? 0 : queue,
      checksBackward: options.lossScale !== 'dynamic',
      trace,
    });
    this.#buckets = options.overlapGradients && dp > 1 ? this.#overlap() : undefined;
  }

  /** Steps done. */
  get iteration(): number {
    return this.#iteration;
  }

  /** Continues after so many steps; for checkpoints. */
  set iteration(iteration: number) {
    this.#iteration = iteration;
  }

  /** Builds a virtual stage of the model, for its parameters' names and shapes. */
  virtualStage(stage: number): StageModule {
    const { pp, chunks, microBatch, seed } = this.options;
    return this.#parts.model({ stage, stages: pp * chunks, microBatch, tensorParallel: this.#tensorParallel, seed });
  }

  /** One training step. */
  step(): StepReport {
    const { options, parameters, place } = this;
    const { trace } = this.#parts;
    const { scale } = this.lossScale;
    const start = performance.now();
    const iteration = ++this.#iteration;
    parameters.gradients.fill(0);
    const { microBatch, globalBatch, dp } = options;
    this.#runner.begin(iteration, scale, (m) => {
      const index = m * dp + place.replica;
      return this.#parts.data.training((iteration - 1) * globalBatch + index * microBatch, microBatch);
    });
    const { pipeline, tensor } = this.#run(this.#schedule, iteration);
    const averaged = timed(() => trace.span('gradient average', 'comm', () => this.#average(iteration)));
    const embedded = timed(() => trace.span('embedding sync', 'comm', () => this.#embedding()));

    const updating = performance.now();
    const norm = gradientNorm(parameters, place, this.groups.model) / scale;
    const isSkipped = !Number.isFinite(norm);
    const rate = learningRateAt(iteration, options.learningRate);
    if (isSkipped) {
      // All ranks see the same norm, so they skip the step together.
      if (!this.lossScale.overflowed()) {
        throw new NonFiniteError(`gradient norm of step ${iteration}`, 0, norm, 'lower the learning rate');
      }
    } else {
      trace.span('update', 'compute', () => this.#update(norm, scale, rate));
      this.lossScale.succeeded();
    }
    const loss = this.#meanLoss(options.microBatches);
    const end = performance.now();
    return {
      iteration,
      loss,
      gradientNorm: norm,
      learningRate: rate,
      lossScale: scale,
      isSkipped,
      seconds: {
        total: (end - start) / 1000,
        forward: pipeline.forward,
        backward: pipeline.backward,
        tensor,
        pipeline: pipeline.communication,
        gradient: averaged,
        embedding: embedded,
        update: (end - updating) / 1000,
      },
    };
  }

  /**
   * Mean loss over samples that were not trained on, without dropout.
   *
   * @param samples - how many; rounded down to whole micro-batches of all replicas, at least one each
   */
  evaluate(samples: number = this.#parts.data.evaluationSamples): number {
    const { microBatch, pp, dp, chunks } = this.options;
    const { replica } = this.place;
    const perReplica = Math.max(
      1,
      Math.floor(Math.min(samples, this.#parts.data.evaluationSamples) / (microBatch * dp)),
    );
    this.#runner.begin(0, 1, (m) => this.#parts.data.evaluation((m * dp + replica) * microBatch, microBatch));
    this.#run(buildForwardSchedule(pp, perReplica, chunks), 0);
    return this.#meanLoss(perReplica);
  }

  /** Frees tensors. */
  dispose(): void {
    this.#runner.dispose();
    this.parameters.changed();
  }

  #run(schedule: Schedule, iteration: number) {
    const ops = schedule[this.place.stage]!;
    this.#links.begin(ops);
    this.#tensorParallel.takeSeconds();
    const pipeline = runSchedule(ops, this.#runner, this.#links, iteration);
    this.#links.end();
    return { pipeline, tensor: this.#tensorParallel.takeSeconds() };
  }

  #average(iteration: number): void {
    const { gradients, slots, tied } = this.parameters;
    if (this.#buckets) {
      this.#buckets.flush();
      const factor = 1 / this.place.dp;
      for (let i = 0; i < gradients.length; i++) gradients[i]! *= factor;
      return;
    }
    const isFused = this.options.embeddingSync === 'fused' && tied !== undefined;
    const begin = isFused && tied.begin === 0 ? tied.end : 0;
    const end = isFused && tied.begin > 0 ? tied.begin : gradients.length;
    this.#sync.average({
      gradients: gradients.subarray(begin, end),
      slots: slots
        .filter((slot) => slot.begin >= begin && slot.end <= end)
        .map(({ parameter: { name }, shape, begin: at }) => ({ name, shape, begin: at - begin })),
      group: this.groups.data,
      iteration,
    });
  }

  #embedding(): void {
    const { gradients, tied } = this.parameters;
    if (tied) syncEmbedding(this.options.embeddingSync, gradients.subarray(tied.begin, tied.end), this.groups);
  }

  #update(norm: number, scale: number, rate: number): void {
    const { gradients } = this.parameters;
    const factor = Math.min(1, this.options.clip / (norm + 1e-6)) / scale;
    if (factor !== 1) for (let i = 0; i < gradients.length; i++) gradients[i]! *= factor;
    this.optimizer.step(rate);
  }

  /** Over all replicas; the last stage of each knows its part. */
  #meanLoss(microBatches: number): number {
    const { tensor, dp } = this.place;
    const sum = Float64Array.of(tensor === 0 ? this.#runner.lossSum : 0);
    if (this.#parts.world.size > 1) this.#parts.world.allReduce(sum, { phase: 'metrics' });
    return sum[0]! / (microBatches * dp);
  }

  #overlap(): GradientBuckets {
    const { bucketBytes } = this.options;
    const buckets = new GradientBuckets(this.groups.data, this.parameters.gradients, { bucketBytes });
    this.#runner.onGradientReady = ({ begin, end }) => buckets.ready(begin, end);
    return buckets;
  }

  #shapeOf({ kind, direction, chunk }: TransferOp): { rows: number; width: number } {
    const { inputShape, outputShape } = this.#chunks[chunk]!;
    const shape = ((kind === 'send') === (direction === 'forward') ? outputShape : inputShape)!;
    const width = shape.at(-1)!;
    return { rows: shape.reduce((a, b) => a * b, 1) / width, width };
  }
}

function timed(run: () => void): number {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
}
