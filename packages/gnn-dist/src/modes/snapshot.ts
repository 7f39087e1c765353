/**
 * Mini-batch training on neighbours drawn from snapshots: each device draws batches from its own training vertices and computes
 * them alone; features come from their owners, gradients are summed. See {@link SnapshotSampler}.
 */
import { OptionError, Rng, StorageDevice } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { DistGraphContext } from '../DistGraphContext.js';
import type { HaloExchange } from '../exchange/haloExchange.js';
import { InputFeatures } from '../input/InputFeatures.js';
import type { HaloBytes } from '../plan/traffic.js';
import { RowFetch } from '../server/RowFetch.js';
import { AdjacencyStore } from '../snapshot/AdjacencyStore.js';
import { SnapshotSampler } from '../snapshot/SnapshotSampler.js';
import { seedsOfStep } from '../snapshot/seedsOfStep.js';
import {
  type ResolvedSnapshotOptions,
  resolveSnapshotOptions,
  type SnapshotOptions,
} from '../snapshot/snapshotOptions.js';
import { batchStages } from '../snapshot/snapshotStages.js';
import { batchData } from '../train/localData.js';
import type { GraphView } from '../train/payload.js';
import { readsHaloFeatures } from './fullGraphView.js';
import { defineMode, type ModeEnvironment, type StepView, type TrainingMode } from './TrainingMode.js';

/** Options of mode `snapshot`: those of the sampler; `batchSize` is the number of seeds per device and step. */
export interface SnapshotTrainOptions
  extends Omit<SnapshotOptions, 'fanouts' | 'seed' | 'trainVertices' | 'trackCoverage'> {
  /** Neighbours per vertex, by layer, the input layer first. @defaultValue `10` in every layer */
  readonly fanouts?: readonly number[];
  /** Folder on a local drive for the neighbour lists. @defaultValue lists stay in memory; bytes are counted as if read */
  readonly storageDir?: string;
}

interface ResolvedSnapshotTraining {
  readonly sampler: ResolvedSnapshotOptions;
  readonly storageDir: string | undefined;
}

const FANOUT = 10;
/** I/O threads of one device. */
const IO_THREADS = 2;

/** The mode. */
export const snapshot = defineMode<ResolvedSnapshotTraining>({
  summary: 'mini-batches of neighbours drawn from snapshots of lists that are in storage',
  resolve({ snapshot: options = {}, seed = 1 }, { spec }) {
    const where = 'trainGnn: snapshot';
    const { fanouts = Array.from({ length: spec.layers }, () => FANOUT), storageDir, ...rest } = options;
    if (fanouts.length !== spec.layers) {
      throw new OptionError(where, 'fanouts', fanouts.length, `${spec.layers}, one per layer`);
    }
    return { sampler: resolveSnapshotOptions({ ...rest, fanouts, seed }, where), storageDir };
  },
  create: (environment, options) => new SnapshotTraining(environment, options),
});

class SnapshotTraining implements TrainingMode {
  readonly stepsPerEpoch: number;
  readonly #environment: ModeEnvironment;
  readonly #options: ResolvedSnapshotTraining;
  readonly #graph: CsrGraph;
  readonly #owned: Int32Array;
  readonly #train: Int32Array;
  readonly #isTrain: Uint8Array;
  #device: StorageDevice | undefined;
  #store: AdjacencyStore | undefined;
  #sampler: SnapshotSampler | undefined;
  #context: DistGraphContext | undefined;
  #received: HaloBytes = { intraBytes: 0, interBytes: 0 };
  #loadedRows = 0;
  #bytesBefore = 0;

  constructor(environment: ModeEnvironment, options: ResolvedSnapshotTraining) {
    const { ctx, payload } = environment;
    const { partOf, data, views } = payload;
    this.#environment = environment;
    this.#options = options;
    this.#graph = includedGraph(views.train);
    this.#owned = Int32Array.from(partOf.keys()).filter((v) => partOf[v] === ctx.rank);
    this.#train = data.split.train.filter((v) => partOf[v] === ctx.rank);
    this.#isTrain = new Uint8Array(partOf.length);
    for (const v of this.#train) this.#isTrain[v] = 1;
    const perRank = new Int32Array(ctx.worldSize);
    for (const v of data.split.train) perRank[partOf[v]!]!++;
    this.stepsPerEpoch = Math.max(1, Math.ceil(Math.max(...perRank) / options.sampler.batchSize));
  }

  async prepare(): Promise<void> {
    const { ctx, payload } = this.#environment;
    const { storageDir, sampler } = this.#options;
    if (storageDir === undefined) {
      this.#store = AdjacencyStore.inMemory(this.#graph);
    } else {
      this.#device = await StorageDevice.open(storageDir, { workers: IO_THREADS });
      const name = `adjacency-${ctx.server}`;
      if (ctx.localRank === 0) AdjacencyStore.create(this.#device, name, this.#graph).close();
      ctx.world.barrier({ phase: 'setup' });
      this.#store = AdjacencyStore.open(this.#device, name);
    }
    // Devices draw from streams of their own.
    const seed = new Rng(payload.options.seed).split('device', ctx.rank).key[0];
    const options = { ...sampler, seed, ...(sampler.mode === 'static' ? { trainVertices: this.#train } : {}) };
    this.#sampler = new SnapshotSampler(this.#store, options as SnapshotOptions);
  }

  beginStep(epoch: number, step: number): StepView {
    const { ctx, payload, times, serverOf } = this.#environment;
    const { world, trace } = ctx;
    const { data, partOf, spec, options: run } = payload;
    const sampler = this.#sampler!;
    if (step === 0) {
      this.#received = { intraBytes: 0, interBytes: 0 };
      this.#bytesBefore = sampler.stats().storageBytes;
    }
    const seeds = seedsOfStep(this.#train, { seed: run.seed, rank: ctx.rank, epoch, step, steps: this.stepsPerEpoch });
    const blocks = trace.span('sample batch', 'other', () => times.time('sampling', () => sampler.sample(seeds)));
    const vertices = blocks[0]!.sources;
    const counts = Int32Array.of(seeds.length);
    world.allReduce(counts, { phase: 'sampling' });

    const foreign = vertices.filter((v) => partOf[v] !== ctx.rank);
    const fetch = new RowFetch(world, this.#owned, foreign, partOf, times, 'sampling');
    const features = fetch.rows(data.features, data.numFeatures, vertices, 'load');
    const bytes = fetch.bytes(serverOf, ctx.rank, 4 * data.numFeatures);
    this.#received = {
      intraBytes: this.#received.intraBytes + bytes.intraBytes,
      interBytes: this.#received.interBytes + bytes.interBytes,
    };
    this.#loadedRows = vertices.length;

    const stages = batchStages(world, times, blocks, this.#graph.numVertices);
    const first = stages[0]!;
    this.#context = new DistGraphContext({
      world,
      stages,
      input: new InputFeatures(features, data.numFeatures, first.block, first.exchange as HaloExchange, trace),
      numOutputs: seeds.length,
      globalRows: Math.max(1, counts[0]!),
      rng: new Rng(run.seed),
      trace,
      times,
      haloFeatures: 'every-epoch',
      readsHaloFeatures: readsHaloFeatures(spec),
      overlap: false,
    });
    return { context: this.#context, local: batchData(data, seeds, this.#isTrain), divisor: Math.max(1, counts[0]!) };
  }

  endStep(): void {
    this.#context?.dispose();
    this.#context = undefined;
  }

  expectedBytes(): HaloBytes {
    return this.#received;
  }

  facts() {
    const { storageBytes, setupBytes, cacheBytes } = this.#sampler!.stats();
    return {
      storageBytesPerEpoch: storageBytes - this.#bytesBefore,
      storageBytesSetup: setupBytes,
      cacheBytes,
      loadedRows: this.#loadedRows,
    };
  }

  dispose(): void {
    this.endStep();
    this.#sampler?.dispose();
    this.#store?.close();
    void this.#device?.close();
  }
}

/** The graph induced on the vertices of the view. */
function includedGraph({ graph, include }: GraphView): CsrGraph {
  if (!include) return graph;
  const { numVertices } = graph;
  const indptr = new Int32Array(numVertices + 1);
  const indices: number[] = [];
  for (let v = 0; v < numVertices; v++) {
    for (let e = graph.indptr[v]!; include[v] === 1 && e < graph.indptr[v + 1]!; e++) {
      if (include[graph.indices[e]!] === 1) indices.push(graph.indices[e]!);
    }
    indptr[v + 1] = indices.length;
  }
  return { numVertices, indptr, indices: Int32Array.from(indices) };
}
