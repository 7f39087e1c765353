/** The trainer: checks, plans, launches one rank per device, gathers the report. */
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { type ChromeTrace, launch, OptionError, summariseTimings, sumTraffic, worldSizeOf } from '@strata-ml/core';
import type { PartitionMetrics } from '@strata-ml/graph';
import { type FeatureNorm, normaliseFeatures, type ResolvedGnnSpec } from '@strata-ml/models';
import { checkGraphData, type GraphData } from './data.js';
import { makeGraphView, vertexMask } from './graphView.js';
import { modes } from './modes/registry.js';
import type { ModeDefinition } from './modes/TrainingMode.js';
import { type ResolvedTrainOptions, resolveTrainOptions, type TrainOptions } from './options.js';
import { makePartition } from './partitioning.js';
import type { HaloBytes } from './plan/traffic.js';
import { MemoryPlanner } from './planner/MemoryPlanner.js';
import type { TrainEvent, TrainMetrics, TrainReport } from './report.js';
import { bestRow } from './timeline.js';
import type { GraphView, RankResult, TrainPayload } from './train/payload.js';
import { shareData } from './train/shareData.js';

/**
 * Trains a graph network for vertex classification on every vertex of the graph at once, spread over a cluster.
 *
 * The graph is partitioned over servers, then over the devices of each; rows on part borders are exchanged in every
 * layer, forward and backward, and gradients are summed over ranks: the numbers are those of one device, up to float32
 * rounding of the gradient sums. Under `mpirun` every process calls this with the same arguments.
 *
 * Vanilla full-graph vertex parallelism as defined in "GraNNDis: Fast Distributed Graph Neural Network Training
 * Framework for Multi-Server Clusters", PACT 2024, arXiv:2311.06837.
 *
 * @param data - graph, features, labels and split
 * @throws {@link OptionError}, {@link ShapeError}, {@link DataError} before any rank starts;
 *   {@link RankFailedError} if a rank fails (its `cause` says why, {@link OutOfDeviceMemoryError} for a small budget).
 */
export async function trainGnn(data: GraphData, options: TrainOptions = {}): Promise<TrainReport> {
  const { resolved, spec } = resolveTrainOptions(options, data);
  checkGraphData(data);
  if (resolved.checkpointDir) checkWritable(resolved.checkpointDir);
  options.signal?.throwIfAborted();

  const { partOf, metrics: partition } = makePartition(data, resolved, options.onEvent);
  const n = data.graph.numVertices;
  const { train, val } = data.split;
  const views = resolved.inductive
    ? {
        train: makeGraphView(data.graph, vertexMask(n, train)),
        val: makeGraphView(data.graph, vertexMask(n, train, val)),
        test: makeGraphView(data.graph),
      }
    : { train: makeGraphView(data.graph) };

  const { cluster, partition: _, ...given } = resolved;
  const rankOptions = { ...given, modeOptions: fitted(data, views.train, partOf, resolved, spec) };
  const payload: TrainPayload = {
    data: shareData({ ...data, features: normaliseFeatures(data.features, data.numFeatures, resolved.featureNorm) }),
    partOf,
    views,
    spec,
    options: rankOptions,
    fingerprint: fingerprint(data, spec, resolved),
  };
  const launched = await launch<TrainPayload, RankResult, TrainEvent>(
    cluster,
    new URL('./trainEntry.js', import.meta.url),
    payload,
    {
      transport: resolved.transport,
      engine: resolved.engine,
      seed: resolved.seed,
      timeoutMs: resolved.timeoutMs,
      trace: resolved.trace,
      ...(options.signal ? { signal: options.signal } : {}),
      ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    },
  );
  return assembleReport(launched.results, partition, { spec, featureNorm: resolved.featureNorm }, launched.trace);
}

/** Options of the mode, with what was left open chosen by the devices' memory, if that is limited. */
function fitted(
  data: GraphData,
  view: GraphView,
  partOf: Int32Array,
  { cluster, mode, modeOptions }: ResolvedTrainOptions,
  spec: ResolvedGnnSpec,
): unknown {
  const definition: ModeDefinition = modes[mode];
  if (!definition.fit || cluster.deviceMemoryBytes === undefined) return modeOptions;
  const { graph, include } = view;
  const input = { graph, partOf, worldSize: worldSizeOf(cluster), ...(include ? { include } : {}) };
  return definition.fit(modeOptions, new MemoryPlanner(data, view, input, cluster, spec));
}

function assembleReport(
  results: readonly RankResult[],
  partition: PartitionMetrics & { method: string },
  model: { readonly spec: ResolvedGnnSpec; readonly featureNorm: FeatureNorm },
  trace: ChromeTrace | undefined,
): TrainReport {
  const root = results[0]?.root;
  const rows = root?.epochs ?? [];
  const best = bestRow(rows);
  const last = rows.at(-1);
  const epochTraffic = sumTraffic(results.map((r) => r.epochTraffic));
  const halo = (linkClass: string) =>
    epochTraffic
      .filter((r) => r.class === linkClass && ['forward', 'backward', 'load'].includes(r.phase))
      .reduce((sum, r) => sum + r.bytes, 0);
  const preloaded = (linkClass: string) =>
    results
      .flatMap((r) => r.setupTraffic)
      .filter((r) => r.class === linkClass && r.phase === 'preload')
      .reduce((sum, r) => sum + r.bytes, 0);
  const expected = sumBytes(results.map((r) => r.expected));
  const seconds = root?.epochSeconds ?? [];
  const metrics: TrainMetrics = {
    bestEpoch: best?.epoch ?? 0,
    trainLoss: best?.loss ?? Number.NaN,
    trainAccuracy: best?.trainAccuracy ?? Number.NaN,
    valAccuracy: best?.valAccuracy ?? Number.NaN,
    testAccuracy: best?.testAccuracy ?? Number.NaN,
    finalTrainLoss: last?.loss ?? Number.NaN,
    finalTrainAccuracy: last?.trainAccuracy ?? Number.NaN,
    finalValAccuracy: last?.valAccuracy ?? Number.NaN,
    finalTestAccuracy: last?.testAccuracy ?? Number.NaN,
    epochSeconds: summariseTimings(seconds),
    parts: root?.parts ?? { compute: 0, intra: 0, inter: 0, halo: 0, gradient: 0, sampling: 0 },
    parametersHash: root?.parametersHash ?? '',
    parameters: Object.values(root?.weights ?? {}).reduce((sum, w) => sum + w.data.length, 0),
    peakDeviceBytes: results.map((r) => r.peakBytes),
    traffic: [
      ...sumTraffic(results.map((r) => r.setupTraffic.map((row) => ({ ...row, phase: 'setup' })))),
      ...epochTraffic,
    ],
    interBytesPerEpoch: halo('inter'),
    intraBytesPerEpoch: halo('intra'),
    predicted: { interBytesPerEpoch: expected.interBytes, intraBytesPerEpoch: expected.intraBytes },
    preload: {
      interBytes: preloaded('inter'),
      intraBytes: preloaded('intra'),
      predicted: sumBytes(results.map((r) => r.expectedPreload)),
    },
    modeFacts: sumFacts(results.map((r) => r.facts)),
    partition,
    setupSeconds: root?.setupSeconds ?? 0,
  };
  return {
    status: root?.aborted ? 'aborted' : 'ok',
    isRoot: root !== undefined,
    metrics,
    timeline: { epochs: rows },
    ...model,
    weights: root?.weights ?? {},
    buffers: root?.buffers ?? {},
    environment: { engine: root?.engine ?? '', kernels: root?.kernels ?? '' },
    files: root?.files ?? {},
    ...(trace ? { trace } : {}),
  };
}

function sumBytes(parts: readonly HaloBytes[]): HaloBytes {
  const sum = (key: keyof HaloBytes) => parts.reduce((total, part) => total + part[key], 0);
  return { intraBytes: sum('intraBytes'), interBytes: sum('interBytes') };
}

function sumFacts(facts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const total: Record<string, number> = {};
  for (const [name, value] of facts.flatMap(Object.entries<number>)) total[name] = (total[name] ?? 0) + value;
  return total;
}

/** Settings that change the numbers of a run; a resumed run must have the same. The number of epochs may grow. */
function fingerprint(data: GraphData, spec: ResolvedGnnSpec, options: ResolvedTrainOptions): string {
  const { optimizer, seed, inductive, featureNorm, mode, modeOptions } = options;
  const facts = {
    vertices: data.graph.numVertices,
    edges: data.graph.indices.length,
    train: data.split.train.length,
    spec,
    optimizer,
    seed,
    inductive,
    featureNorm,
    mode,
    modeOptions,
  };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

function checkWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new OptionError(
      'trainGnn',
      'checkpointDir',
      folder,
      'a folder that can be written',
      (cause as Error).message,
    );
  }
}
