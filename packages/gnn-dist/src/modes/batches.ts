/** A mini-batch of its own on every device: what `distdgl` and `salient++` share. */
import { OptionError, type ProcessGroup, Rng } from '@strata-ml/core';
import { DistGraphContext } from '../DistGraphContext.js';
import type { HaloExchange } from '../exchange/haloExchange.js';
import type { FeatureCache } from '../input/FeatureCache.js';
import { InputFeatures } from '../input/InputFeatures.js';
import type { HaloBytes } from '../plan/traffic.js';
import { BackgroundBatches, type BatchSource, directBatches } from '../sample/BatchSource.js';
import { balanceSeeds } from '../sample/balancedSeeds.js';
import { type BatchPlan, seedsOf } from '../sample/batch.js';
import { drawnLayers } from '../sample/drawnEdges.js';
import { RowFetch } from '../server/RowFetch.js';
import { type ServerRows, serverRows } from '../server/ServerRows.js';
import { buildSegment } from '../server/serverStages.js';
import { batchData } from '../train/localData.js';
import { readsHaloFeatures } from './fullGraphView.js';
import type { ModeEnvironment, ModeFacts, StepView, TrainingMode } from './TrainingMode.js';

/** Options of modes `distdgl` and `salient++`. */
export interface DistDglOptions {
  /** Training vertices per device and step, at most. @defaultValue `1024` */
  readonly batchSize?: number;
  /** In-neighbours drawn per vertex: in every layer, or by layer, the first layer first. @defaultValue `10` */
  readonly fanouts?: number | readonly number[];
  /** `'local'` batches are of own training vertices, evened out; `'global'` deals all anew in each epoch. @defaultValue `'local'` */
  readonly seeds?: 'local' | 'global';
  /** Sample the next step on a thread of its own while this one computes. @defaultValue `true` */
  readonly background?: boolean;
}

/** {@link DistDglOptions} with defaults. */
export interface ResolvedDistDgl {
  readonly steps: number;
  readonly fanouts: readonly number[];
  readonly seeds: 'local' | 'global';
  readonly background: boolean;
}

/** @throws {@link OptionError} naming the first option out of range. */
export function resolveDistDgl(options: DistDglOptions = {}, { spec, cluster, numTrain }: ModeFacts): ResolvedDistDgl {
  const where = 'trainGnn: distdgl';
  const { batchSize = 1024, fanouts = 10, seeds = 'local', background = true } = options;
  if (!(Number.isInteger(batchSize) && batchSize >= 1)) {
    throw new OptionError(where, 'batchSize', batchSize, 'an integer ≥ 1');
  }
  const list = typeof fanouts === 'number' ? new Array<number>(spec.layers).fill(fanouts) : fanouts;
  if (list.length !== spec.layers || list.some((f) => !(Number.isInteger(f) && f >= 1))) {
    throw new OptionError(where, 'fanouts', fanouts, `an integer ≥ 1, or one per layer (${spec.layers})`);
  }
  if (!['local', 'global'].includes(seeds)) throw new OptionError(where, 'seeds', seeds, 'one of local, global');
  const devices = cluster.devicesPerServer.reduce((sum, count) => sum + count, 0);
  const steps = Math.max(1, Math.ceil(Math.ceil(numTrain / devices) / batchSize));
  return { steps, fanouts: list, seeds, background };
}

/** The plan of a rank's batches: each device is a server of its own. */
export function rankBatchPlan({ ctx, payload }: ModeEnvironment, options: ResolvedDistDgl): BatchPlan {
  const { views, partOf, data, spec, options: run } = payload;
  const { graph, include, outDegrees } = views.train;
  const { train } = data.split;
  return {
    graph,
    ...(include ? { include } : {}),
    partOf: balanceSeeds(train, partOf, ctx.worldSize),
    train,
    outDegrees,
    devicesPerServer: new Array<number>(ctx.worldSize).fill(1),
    server: ctx.rank,
    layers: spec.layers,
    seed: run.seed,
    sampler: 'sage',
    itersPerEpoch: options.steps,
    seeds: options.seeds,
    fanout: options.fanouts[0]!,
    fanouts: options.fanouts,
    eas: { hops: 0, fanout: 0, select: 'uniform' },
  };
}

/** Vertices of a rank, ascending. */
export function ownedVertices(partOf: Int32Array, rank: number): Int32Array {
  return Int32Array.from(partOf.keys()).filter((v) => partOf[v] === rank);
}

/** Trains on batches of a device each; features of other devices' vertices are pulled for each batch, or cached. */
export class DeviceBatches implements TrainingMode {
  readonly stepsPerEpoch: number;
  readonly #environment: ModeEnvironment;
  readonly #plan: BatchPlan;
  readonly #source: BatchSource;
  readonly #cache: FeatureCache | undefined;
  readonly #preload: HaloBytes;
  /** This rank alone: layers of a batch exchange nothing. */
  readonly #alone: ProcessGroup;
  readonly #owned: Int32Array;
  #view: StepView | undefined;
  #received: HaloBytes = { intraBytes: 0, interBytes: 0 };
  #loaded = 0;
  #seeds = 0;
  /** Reads of other devices' features in the epoch, over all ranks, and how many the cache served. */
  #reads = { remote: 0, cached: 0 };

  constructor(
    environment: ModeEnvironment,
    plan: BatchPlan,
    background: boolean,
    cached?: { readonly cache: FeatureCache; readonly preload: HaloBytes },
  ) {
    const { ctx, payload } = environment;
    this.#environment = environment;
    this.stepsPerEpoch = plan.itersPerEpoch;
    this.#plan = plan;
    this.#cache = cached?.cache;
    this.#preload = cached?.preload ?? { intraBytes: 0, interBytes: 0 };
    this.#alone = ctx.world.split(ctx.rank);
    this.#owned = ownedVertices(payload.partOf, ctx.rank);
    this.#source = background ? new BackgroundBatches(plan, payload.options.timeoutMs) : directBatches(plan);
  }

  beginStep(epoch: number, step: number): StepView {
    if (step === 0) {
      this.#received = { intraBytes: 0, interBytes: 0 };
      this.#reads = { remote: 0, cached: 0 };
      this.#loaded = 0;
      this.#seeds = 0;
    }
    const { ctx, payload, times } = this.#environment;
    this.#view = ctx.trace.span('switch batch', 'other', () => {
      const rows = times.time('sampling', () => {
        const layout = this.#source.take(epoch, step);
        const seeds = seedsOf(this.#plan, epoch, step);
        return serverRows(layout, this.#plan.graph.numVertices, payload.spec.layers, 0, 0, seeds);
      });
      return this.#build(rows, epoch, step);
    });
    return this.#view;
  }

  endStep(): void {
    this.#view?.context.dispose();
    this.#view = undefined;
  }

  expectedBytes(): HaloBytes {
    return this.#received;
  }

  expectedPreload(): HaloBytes {
    return this.#preload;
  }

  /** Of the last epoch. Rows and seeds are this rank's; the reads are those of all ranks, which one rank tells. */
  facts() {
    const { remote, cached } = this.#reads;
    return {
      seeds: this.#seeds,
      loadedRows: this.#loaded,
      ...(this.#environment.ctx.rank === 0 ? { remoteReads: remote } : {}),
      ...(this.#environment.ctx.rank === 0 && this.#cache
        ? { cachedReads: cached, cacheHitRate: remote === 0 ? 0 : cached / remote }
        : {}),
    };
  }

  dispose(): void {
    this.endStep();
    this.#source.dispose();
    this.#cache?.dispose();
  }

  #build(rows: ServerRows, epoch: number, step: number): StepView {
    const { ctx, payload, times } = this.#environment;
    const { world, trace } = ctx;
    const { data, spec, options: run } = payload;
    const outputs = rows.countUpTo[0]!;
    const seeds = rows.vertices.subarray(0, outputs);
    const isSeed = new Uint8Array(this.#plan.graph.numVertices);
    for (const v of seeds) isSeed[v] = 1;
    const features = this.#load(rows.vertices, outputs);
    const segment = times.time('sampling', () =>
      buildSegment({
        world: this.#alone,
        times,
        graph: this.#plan.graph,
        rows,
        mask: 'prefix',
        layers: spec.layers,
        maxHops: spec.layers,
        phase: 'sampling',
        ...drawnLayers(this.#plan, rows, spec.model === 'gcn', epoch, step),
      }),
    );
    const first = segment.stages[0]!;
    const context = new DistGraphContext({
      world,
      stages: segment.stages,
      input: new InputFeatures(features.rows, data.numFeatures, first.block, first.exchange as HaloExchange, trace),
      numOutputs: outputs,
      globalRows: features.divisor,
      rng: new Rng(run.seed),
      trace,
      times,
      haloFeatures: 'every-epoch',
      readsHaloFeatures: readsHaloFeatures(spec),
      overlap: run.overlap,
    });
    return { context, local: batchData(data, seeds, isSeed), divisor: features.divisor };
  }

  /** Features of a batch's rows, and how many seeds all ranks have in the step. Collective. */
  #load(vertices: Int32Array, seeds: number) {
    const { ctx, payload, times, serverOf } = this.#environment;
    const { world, rank } = ctx;
    const { data, partOf } = payload;
    const others = this.#cache ? vertices.filter((v) => partOf[v] === rank || !this.#cache?.has(v)) : vertices;
    const pulled = others.filter((v) => partOf[v] !== rank);
    const cached = vertices.length - others.length;
    const counts = Int32Array.of(seeds, pulled.length + cached, cached);
    times.time('sampling', () => world.allReduce(counts, { phase: 'sampling' }));
    const fetch = new RowFetch(world, this.#owned, pulled, partOf, times, 'sampling');
    const rows = fetch.rows(data.features, data.numFeatures, others, 'load');
    const bytes = fetch.bytes(serverOf, rank, 4 * data.numFeatures);
    this.#received = {
      intraBytes: this.#received.intraBytes + bytes.intraBytes,
      interBytes: this.#received.interBytes + bytes.interBytes,
    };
    this.#reads = { remote: this.#reads.remote + counts[1]!, cached: this.#reads.cached + counts[2]! };
    this.#loaded += vertices.length;
    this.#seeds += seeds;
    return { rows: this.#cache?.complete(rows, vertices) ?? rows, divisor: Math.max(1, counts[0]!) };
  }
}
