/** One compute worker: takes prepared batches, trains them, keeps its model together with those of the others. */
import { performance } from 'node:perf_hooks';
import { placeRank, type RankContext, Rng } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import { bceSum, createGnn, createOptimizer, crossEntropySum, type GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { DistGraphContext } from '../DistGraphContext.js';
import type { HaloExchange } from '../exchange/haloExchange.js';
import { PhaseTimes } from '../exchange/PhaseTimes.js';
import type { FeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { SparseRows } from '../input/sparseRows.js';
import { readsHaloFeatures } from '../modes/fullGraphView.js';
import type { ModeEnvironment } from '../modes/TrainingMode.js';
import { batchStages } from '../snapshot/snapshotStages.js';
import { type Scores, scoreModel } from '../train/evaluate.js';
import { FlatParameters } from '../train/parameters.js';
import { type BatchFeed, OwnFeed, QueueFeed } from './BatchFeed.js';
import type { PreparedBatch } from './batchMessage.js';
import type { ComputePayload } from './computeEntry.js';
import { ModelState } from './ModelState.js';
import { PipelineMemory } from './PipelineMemory.js';
import { StepSync } from './StepSync.js';

/** Loss of a worker's batches in an epoch: their sum over seeds, and the seeds. */
export interface EpochLoss {
  readonly sum: number;
  readonly seeds: number;
}

/** A batch in tensors. */
interface LoadedBatch {
  readonly round: number;
  readonly numSeeds: number;
  readonly stages: ReturnType<typeof batchStages>;
  readonly features: FeatureRows;
  readonly labels: Int32Array;
  readonly multiLabels: Uint8Array | undefined;
}

/** Trains one rank's batches. */
export class ComputeWorker {
  readonly memory: PipelineMemory;
  readonly model: GnnModel;
  readonly parameters: FlatParameters;
  readonly #ctx: RankContext<unknown>;
  readonly #payload: ComputePayload;
  readonly #environment: ModeEnvironment;
  readonly #feed: BatchFeed;
  readonly #sync: StepSync;

  constructor(ctx: RankContext<unknown>, payload: ComputePayload) {
    const { train, plan, arrays, layout, sync, shared } = payload;
    this.#ctx = ctx;
    this.#payload = payload;
    const serverOf = Array.from({ length: ctx.worldSize }, (_, rank) => placeRank(ctx.cluster, rank).server);
    const times = new PhaseTimes(ctx.rank, serverOf, ctx.trace);
    this.#environment = { ctx, payload: train, serverOf, times };
    this.memory = new PipelineMemory(arrays);
    this.#feed =
      layout === 'aggregated'
        ? new OwnFeed(this.memory, ctx.rank, plan)
        : new QueueFeed(this.memory, ctx.rank, plan, train.options.timeoutMs);
    this.model = createGnn(train.spec);
    this.parameters = new FlatParameters(this.model);
    this.parameters.assertEqualOnAllRanks(ctx.world, 'at the start');
    const optimizer = createOptimizer(train.options.optimizer);
    const state = new ModelState(this.model, this.parameters, optimizer);
    const parts = { ctx, kind: sync, memory: this.memory, parameters: this.parameters, optimizer, state, shared };
    this.#sync = new StepSync(parts);
  }

  /** Trains the epoch's batches of this worker; returns when no worker has any left. */
  epoch(epoch: number): EpochLoss {
    const { rounds } = this.memory.arrays.schedule;
    let sum = 0;
    let seeds = 0;
    this.#sync.beginEpoch();
    for (;;) {
      const batch = this.#feed.next((prepared) => this.#load(prepared));
      const divisor = this.#timed('sync', () => this.#sync.agree(batch?.numSeeds ?? 0));
      if (!batch) break;
      const number = (epoch - 1) * rounds + batch.round + 1;
      sum += divisor * this.#timed('compute', () => this.#gradients(batch, divisor, number));
      this.#timed('sync', () => this.#sync.update());
      this.#feed.acknowledge();
      seeds += batch.numSeeds;
      this.memory.countCompute(this.#ctx.rank, 'batches', 1);
      this.memory.countCompute(this.#ctx.rank, 'seeds', batch.numSeeds);
    }
    this.#timed('sync', () => this.#sync.endEpoch());
    return { sum, seeds };
  }

  /** Scores on the whole graph; collective. */
  evaluate(epoch: number): Scores {
    return scoreModel(this.#environment, this.model, epoch);
  }

  /** Frees the model. */
  dispose(): void {
    this.model.dispose();
  }

  #timed<T>(counter: 'compute' | 'sync', run: () => T): T {
    const start = performance.now();
    try {
      return run();
    } finally {
      this.memory.countCompute(this.#ctx.rank, counter, (performance.now() - start) / 1000);
    }
  }

  /** Copies a message into tensors and operators of this worker. */
  #load({ round, numSeeds, blocks, features, labels, multiLabels }: PreparedBatch): LoadedBatch {
    return this.#timed('compute', () => {
      const { numVertices } = this.#payload.plan.graph;
      const own = blocks.map((block) => ({ ...block, sources: block.sources.slice(), indptr: block.indptr.slice() }));
      return {
        round,
        numSeeds,
        stages: batchStages(this.#sync.alone, this.#environment.times, own, numVertices),
        features: ownFeatures(features, own[0]!.sources.length, this.#payload.plan.data.numFeatures),
        labels: labels.slice(),
        multiLabels: multiLabels?.slice(),
      };
    });
  }

  /** Forward and backward of a batch; gradients of the loss over `divisor` seeds lie in the flat buffer then. */
  #gradients(batch: LoadedBatch, divisor: number, number: number): number {
    const { train, plan } = this.#payload;
    const { ctx, times } = this.#environment;
    const first = batch.stages[0]!;
    const context = new DistGraphContext({
      world: this.#sync.stepGroup,
      stages: batch.stages,
      input: new InputFeatures(
        batch.features,
        plan.data.numFeatures,
        first.block,
        first.exchange as HaloExchange,
        ctx.trace,
      ),
      numOutputs: batch.numSeeds,
      globalRows: divisor,
      rng: new Rng(train.options.seed),
      trace: ctx.trace,
      times,
      haloFeatures: 'every-epoch',
      readsHaloFeatures: readsHaloFeatures(train.spec),
      overlap: false,
    });
    const rows = Int32Array.from({ length: batch.numSeeds }, (_, row) => row);
    context.beginPass({ epoch: number, training: true });
    const loss = tf.tidy(() => {
      const { value, grads } = tf.variableGrads(() => {
        const logits = this.model.forward(context);
        return batch.multiLabels
          ? bceSum(logits, batch.multiLabels, rows, divisor)
          : crossEntropySum(logits, batch.labels, rows, divisor);
      });
      const { gradients, slots } = this.parameters;
      for (const { variable, begin, end } of slots) {
        const gradient = grads[variable.name];
        if (gradient) gradients.set(readTensor(gradient).subarray(0, end - begin), begin);
        else gradients.fill(0, begin, end);
      }
      return readTensor(value)[0]!;
    });
    context.endPass();
    context.dispose();
    return loss;
  }
}

/** Feature rows of a message, copied. */
function ownFeatures(features: PreparedBatch['features'], rows: number, width: number): FeatureRows {
  if (features.kind === 'dense') {
    return tf.keep(tensorFrom([rows, width], (out) => out.set(features.values)) as tf.Tensor2D);
  }
  const { csr } = features;
  const values = csr.values!.slice();
  return new SparseRows({ ...csr, indptr: csr.indptr.slice(), indices: csr.indices.slice(), values }).operator();
}
