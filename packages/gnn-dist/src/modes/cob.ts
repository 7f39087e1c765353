/**
 * Cooperative batching: one mini-batch per server and step, shared by its devices. Vertices that several devices of a
 * server would load are loaded once; only parameter gradients and input features cross servers.
 *
 * GraNNDis (PACT 2024, arXiv:2311.06837), CoB. We differ in this: seeds are drawn anew in every epoch, and each layer
 * has the edges that were drawn for it, so that a step equals the same step on one device.
 */
import { OptionError, Rng } from '@strata-ml/core';
import { exchangeWidths } from '@strata-ml/models';
import { DistGraphContext } from '../DistGraphContext.js';
import type { HaloExchange } from '../exchange/haloExchange.js';
import type { FeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { layerBytes } from '../plan/layerTraffic.js';
import type { HaloBytes } from '../plan/traffic.js';
import { BackgroundBatches, type BatchSource, directBatches } from '../sample/BatchSource.js';
import { type BatchPlan, type BatchSampler, batchSamplers, firstRankOf } from '../sample/batch.js';
import { drawnLayers } from '../sample/drawnEdges.js';
import { resolveEasSample } from '../sample/expansionAware.js';
import { inducedDegrees } from '../sample/sampledDegrees.js';
import { RowFetch } from '../server/RowFetch.js';
import { shareLayout } from '../server/ServerLayout.js';
import { type ServerRows, serverRows } from '../server/ServerRows.js';
import { buildSegment, degreesById, type SegmentOptions } from '../server/serverStages.js';
import { batchData } from '../train/localData.js';
import type { EasOptions } from './flxEas.js';
import { readsHaloFeatures } from './fullGraphView.js';
import { defineMode, type ModeEnvironment, type StepView, type TrainingMode } from './TrainingMode.js';

/** Options of mode `cob`. */
export interface CobOptions {
  /**
   * `'sage'`: per layer and vertex some in-neighbours; `'full'`: all; `'eas'`: all inside the server and a sample of the
   * rest; `'saint-node'`: vertices by degree, their induced graph; `'cluster'`: the seeds' induced graph. @defaultValue `'sage'`
   */
  readonly sampler?: BatchSampler;
  /**
   * Optimiser steps per epoch. @defaultValue with a memory budget the fewest that fit, else batches of 1,024 training
   * vertices per device
   */
  readonly itersPerEpoch?: number;
  /** In-neighbours that `'sage'` draws per vertex and layer. @defaultValue `25` */
  readonly fanout?: number;
  /** `'global'` deals all training vertices to the servers, `'local'` gives each server its own. @defaultValue `'global'` */
  readonly seeds?: 'global' | 'local';
  /** Hops, fan-out and selection of sampler `'eas'`. */
  readonly eas?: Pick<EasOptions, 'hops' | 'fanout' | 'select'>;
  /**
   * While a step computes, sample later ones on a thread of its own, and load dense features of the next one of the epoch.
   *
   * @defaultValue `true`
   */
  readonly background?: boolean;
}

/** {@link CobOptions} with defaults. */
export type ResolvedCobOptions = Omit<Required<CobOptions>, 'eas'> &
  Pick<BatchPlan, 'eas'> & {
    /** The number of steps was left to the planner; at most `maxIters`. */
    readonly isAuto: boolean;
    readonly maxIters: number;
  };

/** Training vertices per device and step, if not told otherwise. */
const SEEDS_PER_DEVICE = 1024;

/** The mode. */
export const cob = defineMode<ResolvedCobOptions>({
  summary: 'one mini-batch per server, shared by its devices',
  resolve({ cob = {} }, { cluster, numTrain }) {
    const where = 'trainGnn: cob';
    const devices = cluster.devicesPerServer.reduce((sum, count) => sum + count, 0);
    const { sampler = 'sage', fanout = 25, seeds = 'global', background = true } = cob;
    const { itersPerEpoch = Math.ceil(numTrain / (SEEDS_PER_DEVICE * devices)) } = cob;
    const { hops, fanout: easFanout, select } = resolveEasSample(`${where}.eas`, cob.eas ?? {});
    if (!batchSamplers.includes(sampler)) {
      throw new OptionError(where, 'sampler', sampler, `one of ${batchSamplers.join(', ')}`);
    }
    if (!['global', 'local'].includes(seeds)) throw new OptionError(where, 'seeds', seeds, 'one of global, local');
    for (const [name, value] of [
      ['itersPerEpoch', itersPerEpoch],
      ['fanout', fanout],
    ] as const) {
      if (!(Number.isInteger(value) && value >= 1)) throw new OptionError(where, name, value, 'an integer ≥ 1');
    }
    const maxIters = Math.max(1, Math.floor(numTrain / cluster.devicesPerServer.length));
    const chosen = { sampler, itersPerEpoch, fanout, seeds, background, eas: { hops, fanout: easFanout, select } };
    return { ...chosen, isAuto: cob.itersPerEpoch === undefined, maxIters };
  },
  fit(options, planner) {
    if (!options.isAuto) return options;
    // The largest batch that fits, by bisection: more steps need less.
    let low = 1;
    let high = options.maxIters;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (planner.fitsCob({ ...options, itersPerEpoch: middle })) high = middle;
      else low = middle + 1;
    }
    return { ...options, itersPerEpoch: low };
  },
  create: (environment, options) => new CobMode(environment, options),
});

/** A batch that is placed, with its features on their way. */
interface PreparedBatch {
  readonly epoch: number;
  readonly step: number;
  readonly rows: ServerRows;
  readonly finishFeatures: () => FeatureRows;
}

class CobMode implements TrainingMode {
  readonly stepsPerEpoch: number;
  readonly #environment: ModeEnvironment;
  readonly #plan: BatchPlan;
  readonly #source: BatchSource | undefined;
  readonly #owned: Int32Array;
  readonly #isTrain: Uint8Array;
  /** Features of the next step travel while this one computes. */
  readonly #loadsAhead: boolean;
  #next: PreparedBatch | undefined;
  #view: StepView | undefined;
  #received = { intraBytes: 0, interBytes: 0 };
  #loadedRows = 0;
  #seeds = 0;

  constructor(environment: ModeEnvironment, options: ResolvedCobOptions) {
    const { ctx, payload } = environment;
    const { views, partOf, data, spec, options: run } = payload;
    const { graph, include, outDegrees } = views.train;
    this.#environment = environment;
    this.stepsPerEpoch = options.itersPerEpoch;
    // Sparse rows are sent as wide dense ones, in pieces: holding a whole batch of them would cost too much memory.
    this.#loadsAhead = options.background && data.features.kind === 'dense';
    this.#plan = {
      ...options,
      graph,
      ...(include ? { include } : {}),
      partOf,
      train: data.split.train,
      outDegrees,
      devicesPerServer: ctx.cluster.devicesPerServer,
      server: ctx.server,
      layers: spec.layers,
      seed: run.seed,
    };
    if (ctx.localRank === 0) {
      this.#source = options.background ? new BackgroundBatches(this.#plan, run.timeoutMs) : directBatches(this.#plan);
    }
    const owned: number[] = [];
    for (let v = 0; v < partOf.length; v++) if (partOf[v] === ctx.rank) owned.push(v);
    this.#owned = Int32Array.from(owned);
    this.#isTrain = new Uint8Array(graph.numVertices);
    for (const v of data.split.train) this.#isTrain[v] = 1;
  }

  beginStep(epoch: number, step: number): StepView {
    if (step === 0) this.#received = { intraBytes: 0, interBytes: 0 };
    this.#view = this.#environment.ctx.trace.span('switch batch', 'other', () => {
      const view = this.#build(this.#next ?? this.#prepare(epoch, step));
      // Not beyond the epoch: its bytes are its own.
      this.#next = this.#loadsAhead && step + 1 < this.stepsPerEpoch ? this.#prepare(epoch, step + 1) : undefined;
      return view;
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

  facts() {
    return { loadedRows: this.#loadedRows, seeds: this.#seeds };
  }

  dispose(): void {
    this.endStep();
    this.#source?.dispose();
  }

  /** Places the vertices of a step and asks for their features; collective. */
  #prepare(epoch: number, step: number): PreparedBatch {
    const { ctx, payload, times, serverOf } = this.#environment;
    const { data, partOf, spec } = payload;
    const rows = times.time('sampling', () => {
      const layout = shareLayout(ctx.serverGroup, this.#source?.take(epoch, step), 'sampling');
      const firstRank = firstRankOf(this.#plan);
      const mine: number[] = [];
      layout.vertices.forEach((v, i) => {
        if (layout.hops[i] === 0 && layout.devices[i] === ctx.localRank) mine.push(v);
      });
      const n = this.#plan.graph.numVertices;
      return serverRows(layout, n, spec.layers, firstRank, ctx.localRank, Int32Array.from(mine));
    });
    const foreign = rows.vertices.filter((v) => partOf[v] !== ctx.rank);
    const fetch = new RowFetch(ctx.world, this.#owned, foreign, partOf, times, 'sampling');
    const finishFeatures = fetch.startRows(data.features, data.numFeatures, rows.vertices, 'load');
    this.#add(fetch.bytes(serverOf, ctx.rank, 4 * data.numFeatures));
    return { epoch, step, rows, finishFeatures };
  }

  #build({ epoch, step, rows, finishFeatures }: PreparedBatch): StepView {
    const { ctx, payload, times, serverOf } = this.#environment;
    const { world, trace } = ctx;
    const { data, spec, options: run } = payload;
    const { sampler, layers } = this.#plan;
    const outputs = rows.countUpTo[0]!;
    const local = batchData(data, rows.vertices.subarray(0, outputs), this.#isTrain);
    const counts = Int32Array.of(local.train.length, outputs);
    world.allReduce(counts, { phase: 'sampling' });

    const features = finishFeatures();
    const segment = times.time('sampling', () => {
      const isInduced = sampler === 'cluster' || sampler === 'saint-node';
      return buildSegment({
        world,
        times,
        graph: this.#plan.graph,
        rows,
        mask: 'prefix',
        layers,
        maxHops: isInduced ? 0 : layers,
        phase: 'sampling',
        ...this.#sampled(rows, epoch, step),
      });
    });
    const widths = exchangeWidths(spec);
    const hasEncoder = spec.model === 'resSage';
    const traffic = segment.blocks.map(({ haloOffsets }, i) => ({
      offsets: haloOffsets,
      width: widths[i]!,
      forward: true,
      backward: i > 0 || hasEncoder,
    }));
    this.#add(layerBytes(traffic, serverOf, ctx.rank));
    this.#loadedRows = rows.vertices.length;
    this.#seeds = outputs;
    const first = segment.stages[0]!;
    const context = new DistGraphContext({
      world,
      stages: segment.stages,
      input: new InputFeatures(features, data.numFeatures, first.block, first.exchange as HaloExchange, trace),
      numOutputs: outputs,
      globalRows: Math.max(1, counts[1]!),
      rng: new Rng(run.seed),
      trace,
      times,
      haloFeatures: 'every-epoch',
      readsHaloFeatures: readsHaloFeatures(spec),
      overlap: run.overlap,
    });
    return { context, local, divisor: Math.max(1, counts[0]!) };
  }

  #add({ intraBytes, interBytes }: HaloBytes): void {
    this.#received = {
      intraBytes: this.#received.intraBytes + intraBytes,
      interBytes: this.#received.interBytes + interBytes,
    };
  }

  /** Degrees of the sample (where all edges are there: of the whole graph), and the edges that were drawn. */
  #sampled(rows: ServerRows, epoch: number, step: number): Pick<SegmentOptions, 'degreesOf' | 'edgesOf'> {
    const { sampler, graph } = this.#plan;
    const { spec, views } = this.#environment.payload;
    if (sampler === 'full') return { degreesOf: degreesById(views.train) };
    if (sampler !== 'sage') return { degreesOf: degreesById(inducedDegrees(graph, rows.hopOf)) };
    return drawnLayers(this.#plan, rows, spec.model === 'gcn', epoch, step);
  }
}
