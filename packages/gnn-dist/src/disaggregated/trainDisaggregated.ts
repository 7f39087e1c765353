/**
 * Disaggregated training: batch workers draw neighbours and gather features, compute workers train, bounded queues between
 * them. How many there are of each is chosen apart, because preparing a batch and training it take different times.
 *
 * After Armada (arXiv:2502.17846): workers, queues and ways of synchronisation follow its authors' public code.
 */
import { launch, summariseTimings, sumTraffic, toShared, worldSizeOf } from '@strata-ml/core';
import { normaliseFeatures } from '@strata-ml/models';
import { checkGraphData, type GraphData } from '../data.js';
import { makeGraphView, vertexMask } from '../graphView.js';
import { makePartition } from '../partitioning.js';
import { countParameters } from '../planner/countParameters.js';
import { bestRow } from '../timeline.js';
import type { TrainPayload } from '../train/payload.js';
import { shareData } from '../train/shareData.js';
import type { MakerPlan } from './BatchMaker.js';
import { BatchWorkers } from './BatchWorkers.js';
import { messageWords } from './batchMessage.js';
import type { ComputePayload, ComputeResult } from './computeEntry.js';
import { optimiserArrays } from './ModelState.js';
import { type DisaggregatedOptions, type ResolvedDisaggregated, resolveDisaggregated } from './options.js';
import { PipelineMemory } from './PipelineMemory.js';
import { pipelineStats } from './pipelineStats.js';
import {
  type DisaggregatedEvent,
  type DisaggregatedReport,
  type PipelineStats,
  type WorkerLoss,
  WorkerLostError,
} from './report.js';
import { createSharedModel } from './SharedModel.js';
import { makeSchedule, type Schedule } from './schedule.js';

/** A pipeline at work. */
export interface PipelineHandle {
  /** Settles when training is over. */
  readonly done: Promise<DisaggregatedReport>;
  /** Occupancy and progress now. */
  stats(): PipelineStats;
  /** Ends a batch worker's thread, as a crash would: for trying out what happens then. */
  killBatchWorker(worker: number): Promise<void>;
}

/**
 * Trains with mini-batches that other threads prepare.
 *
 * @throws {@link OptionError}, {@link DataError} before any worker starts; {@link WorkerLostError} if a batch worker is lost
 *   and its batches with it; {@link RankFailedError} if a compute worker fails.
 */
export async function trainDisaggregated(
  data: GraphData,
  options: DisaggregatedOptions = {},
): Promise<DisaggregatedReport> {
  return startDisaggregated(data, options).done;
}

/** Starts training and returns at once; see {@link trainDisaggregated}. */
export function startDisaggregated(data: GraphData, options: DisaggregatedOptions = {}): PipelineHandle {
  const resolved = resolveDisaggregated(options, data);
  checkGraphData(data);
  options.signal?.throwIfAborted();
  const { plan, train, schedule } = prepare(data, options, resolved);
  const { graph } = plan;
  const batchSeeds = Math.max(1, ...schedule.batches.map((batch) => seedBound(batch.share, plan)));
  const memory = PipelineMemory.create(schedule, {
    ...resolved,
    slotWords: messageWords(plan.data, {
      numVertices: graph.numVertices,
      numEdges: graph.indices.length,
      fanouts: resolved.fanouts,
      seeds: batchSeeds,
    }),
  });
  const isShared = resolved.sync === 'async-grads' || resolved.sync === 'async-model';
  const arraysPerParameter = 1 + optimiserArrays(resolved.run.optimizer).length;
  const payload: ComputePayload = {
    train,
    plan,
    arrays: memory.arrays,
    layout: resolved.layout,
    sync: resolved.sync,
    shared: isShared ? createSharedModel(arraysPerParameter * countParameters(resolved.spec)) : undefined,
  };
  const onLoss = (loss: WorkerLoss) => options.onEvent?.({ type: 'worker-lost', ...loss });
  const workers = new BatchWorkers(memory, plan, resolved.onWorkerLoss, resolved.batchWorkers, onLoss);
  return {
    done: run(payload, memory, workers, options, resolved),
    stats: () => pipelineStats(memory),
    killBatchWorker: (worker) => workers.kill(worker),
  };
}

async function run(
  payload: ComputePayload,
  memory: PipelineMemory,
  workers: BatchWorkers,
  options: DisaggregatedOptions,
  resolved: ResolvedDisaggregated,
): Promise<DisaggregatedReport> {
  const { seed, engine, timeoutMs, cluster } = resolved.run;
  try {
    const { results } = await launch<ComputePayload, ComputeResult, DisaggregatedEvent>(
      cluster,
      new URL('./disaggregatedEntry.js', import.meta.url),
      payload,
      {
        engine,
        seed,
        timeoutMs,
        ...(options.signal ? { signal: options.signal } : {}),
        ...(options.onEvent ? { onEvent: options.onEvent } : {}),
      },
    );
    const report = assemble(results, memory, workers.losses, resolved, options.prices);
    if (report.status === 'failed') throw new WorkerLostError(report);
    return report;
  } finally {
    await workers.stop();
  }
}

/** Seeds of a batch at most. */
function seedBound({ owner, parts }: Schedule['batches'][number]['share'], { seedLists }: MakerPlan): number {
  return Math.ceil((owner < 0 ? seedLists.all : seedLists.ofMaker[owner]!).length / parts);
}

/** Partitions, graphs and the schedule. */
function prepare(
  data: GraphData,
  { partition, partitionPasses }: DisaggregatedOptions,
  resolved: ResolvedDisaggregated,
) {
  const { run, spec, computeWorkers, seeds, batchSize, fanouts, children } = resolved;
  const n = data.graph.numVertices;
  const { train, val } = data.split;
  const makers = children.length;
  const passes = partitionPasses ?? run.partitionPasses;
  // Who prepares, and who holds which rows when the whole graph is evaluated.
  const spread = (workers: number, how: typeof partition) =>
    workers === 1 && typeof how !== 'object'
      ? new Int32Array(n)
      : makePartition(data, {
          ...run,
          partitionPasses: passes,
          partition: how ?? 'fennel',
          cluster: { ...run.cluster, devicesPerServer: [workers] },
          allowEmptyParts: true,
        }).partOf;
  const ownerOf = spread(makers, partition);
  const method = typeof partition === 'string' ? partition : 'fennel';
  const partOf = computeWorkers === makers ? ownerOf : spread(worldSizeOf(run.cluster), method);
  const views = run.inductive
    ? {
        train: makeGraphView(data.graph, vertexMask(n, train)),
        val: makeGraphView(data.graph, vertexMask(n, train, val)),
        test: makeGraphView(data.graph),
      }
    : { train: makeGraphView(data.graph) };
  const shared = shareData({ ...data, features: normaliseFeatures(data.features, data.numFeatures, run.featureNorm) });
  const ofMaker = Array.from({ length: makers }, (_, b) => toShared(train.filter((v) => ownerOf[v] === b)));
  const total = Math.max(1, Math.ceil(train.length / batchSize));
  const share = (b: number) => Math.floor(((b + 1) * total) / makers) - Math.floor((b * total) / makers);
  const schedule = makeSchedule({
    batchesOf: ofMaker.map((own, b) => (seeds === 'dealt' ? share(b) : Math.ceil(own.length / batchSize))),
    children,
    computeWorkers,
    seeds,
  });
  const { graph, include } = views.train;
  const plan: MakerPlan = {
    graph,
    ...(include ? { include } : {}),
    fanouts,
    seed: run.seed,
    seedLists: { all: shared.split.train, ofMaker },
    data: shared,
    ownerOf: toShared(ownerOf),
  };
  const { cluster: _, partition: __, ...runOptions } = run;
  const payload: TrainPayload = {
    data: shared,
    partOf: toShared(partOf),
    views,
    spec,
    options: runOptions,
    fingerprint: '',
  };
  return { plan, train: payload, schedule };
}

function assemble(
  results: readonly ComputeResult[],
  memory: PipelineMemory,
  losses: readonly WorkerLoss[],
  { run, spec }: ResolvedDisaggregated,
  prices: DisaggregatedOptions['prices'],
): DisaggregatedReport {
  const { aborted, epochs, weights, buffers, engine, kernels } = results[0]!.root!;
  const stats = pipelineStats(memory);
  const best = bestRow(epochs);
  const last = epochs.at(-1);
  const seconds = epochs.slice(epochs.length > 1 ? 1 : 0).map((row) => row.seconds);
  const { computeWorkers, batchWorkers } = stats;
  const idle = computeWorkers.reduce((sum, { receive }) => sum + receive, 0) / computeWorkers.length;
  const prepared = batchWorkers.reduce((sum, w) => sum + w.batches, 0);
  const preparing = batchWorkers.reduce((sum, w) => sum + (w.sample + w.slice) * w.seconds, 0);
  const own = computeWorkers.reduce((sum, w) => sum + w.prepare * w.seconds, 0);
  const trained = Math.max(
    1,
    computeWorkers.reduce((sum, w) => sum + w.batches, 0),
  );
  const prepareSeconds = (preparing + own) / Math.max(1, prepared || trained);
  const computeSeconds = computeWorkers.reduce((sum, w) => sum + (w.compute + w.sync) * w.seconds, 0) / trained;
  const epochSeconds = summariseTimings(seconds);
  const hours = epochSeconds.median / 3600;
  return {
    status: aborted ? 'aborted' : memory.hasFailed ? 'failed' : 'ok',
    metrics: {
      bestEpoch: best?.epoch ?? 0,
      trainLoss: best?.loss ?? Number.NaN,
      trainAccuracy: best?.trainAccuracy ?? Number.NaN,
      valAccuracy: best?.valAccuracy ?? Number.NaN,
      testAccuracy: best?.testAccuracy ?? Number.NaN,
      finalValAccuracy: last?.valAccuracy ?? Number.NaN,
      finalTestAccuracy: last?.testAccuracy ?? Number.NaN,
      epochSeconds,
      batchesPerEpoch: memory.arrays.schedule.batches.length,
      computeIdleShare: idle,
      parametersHashes: results.map((r) => r.hash),
      parameters: Object.values(weights).reduce((sum, w) => sum + w.data.length, 0),
      peakDeviceBytes: results.map((r) => r.peakBytes),
      batchBytesPerEpoch: batchWorkers.reduce((sum, w) => sum + w.bytes, 0) / Math.max(1, seconds.length),
      traffic: sumTraffic(results.map((r) => r.epochTraffic)),
      balance: {
        prepareSeconds,
        computeSeconds,
        batchWorkersNeeded: Math.max(
          1,
          Math.ceil((prepareSeconds / Math.max(1e-9, computeSeconds)) * computeWorkers.length),
        ),
      },
      ...(prices
        ? {
            costPerEpoch:
              hours * (batchWorkers.length * prices.batchWorker + computeWorkers.length * prices.computeWorker),
          }
        : {}),
    },
    timeline: { epochs },
    stats,
    losses,
    spec,
    featureNorm: run.featureNorm,
    weights,
    buffers,
    environment: { engine, kernels },
  };
}
