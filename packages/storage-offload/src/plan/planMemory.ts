/**
 * Says before a run what will be where: memory on host, device and drive, bytes that move and seconds they take.
 *
 * Bytes are exact: the run's own schedule is played against the run's own block memory, without a drive. Seconds are a
 * model: each lane's work over its measured rate, once with all lanes perfectly overlapped and once one after another.
 */
import { formatBytes, OptionError } from '@strata-ml/core';
import { createGnn, importLayer } from '@strata-ml/models';
import { type CachePolicyName, cachePolicies } from '../cache/CachePolicy.js';
import { stageWidths, trainedStages } from '../train/ModelStages.js';
import { type OffloadOptions, resolveOffloadOptions } from '../train/options.js';
import { type DeviceTraffic, trafficPerEpoch } from '../train/TrafficCounters.js';
import { type DevicePeak, devicePeak, type EpochWork, epochWork } from './devicePlan.js';
import type { GraphShape } from './GraphShape.js';
import { HostPlan, type PlayedEpoch } from './hostPlan.js';
import type { LaneRates } from './rates.js';

/** Options of {@link planMemory}: those of the run, the device's budget and what is known of the machine. */
export interface PlanOptions extends OffloadOptions {
  /** Bytes of the device. @defaultValue no limit */
  readonly deviceMemory?: number;
  /** Predict seconds from these. @defaultValue none are predicted */
  readonly rates?: LaneRates;
  /** Also say what the other cache policies would read. @defaultValue `false` */
  readonly comparePolicies?: boolean;
}

/**
 * What a cache keeps: `resident`: everything, the drive is read once; `layer`: at least one layer of activations and one
 * of gradients; `partition`: single blocks.
 */
export type CacheMode = 'resident' | 'layer' | 'partition';

/** Seconds of the lanes of one epoch, and of the epoch if they overlap perfectly or not at all. */
export interface PredictedSeconds {
  readonly read: number;
  readonly write: number;
  readonly copy: number;
  readonly compute: number;
  readonly overlapped: number;
  readonly serial: number;
}

/** What one policy would move in an epoch. */
export interface PolicyComparison {
  readonly policy: CachePolicyName | 'none';
  readonly misses: number;
  readonly bytesRead: number;
  readonly bytesWritten: number;
}

/** A plan. Bytes per epoch are those of every epoch but the first. */
export interface MemoryPlan {
  readonly parts: number;
  /** (Σ e_p) / N. */
  readonly alpha: number;
  /** Rows of whole partitions read per vertex if nothing is cached, 1 … parts. */
  readonly rho: number;
  readonly mode: CacheMode;
  readonly fits: boolean;
  /** What does not fit and what would help; remarks. Sentences. */
  readonly remarks: readonly string[];
  readonly host: {
    readonly budgetBytes: number;
    /** Below it the trainer refuses. */
    readonly minimumBytes: number;
    /** From it on nothing is read or written after the first epoch. */
    readonly residentBytes: number;
    /** Boundaries, names, labels, masks. */
    readonly tableBytes: number;
    /** Most bytes held, tables included. */
    readonly peakBytes: number;
  };
  readonly device: DevicePeak & { readonly budgetBytes: number };
  /** Bytes of activations, features, gradients and edges on the drive if all were written. */
  readonly storageBytes: number;
  readonly traffic: DeviceTraffic;
  readonly work: EpochWork;
  readonly firstEpoch: PlayedEpoch | undefined;
  readonly epoch: PlayedEpoch | undefined;
  readonly seconds: PredictedSeconds | undefined;
  readonly policies: readonly PolicyComparison[];
}

/**
 * Plans a run on a graph of known sizes. An engine must run in this thread: the network is built, and freed again.
 *
 * Cost: that of the trainer's own prediction, once per policy compared.
 *
 * @throws {@link OptionError} for an option out of range. A budget that is too small is no error: see `fits`, `remarks`.
 */
export async function planMemory(graph: GraphShape, options: PlanOptions = {}): Promise<MemoryPlan> {
  const { deviceMemory = Number.POSITIVE_INFINITY, rates, comparePolicies = false, ...offload } = options;
  const resolved = resolveOffloadOptions(offload);
  const { model: wanted, hostMemory, cachePolicy, order, lookahead, fusedHead, mode, stripeRows } = resolved;
  if (!(deviceMemory > 0)) throw new OptionError('planMemory', 'deviceMemory', deviceMemory, '> 0 bytes');
  const spec = { ...wanted, inputWidth: graph.featureWidth, numClasses: Math.max(1, graph.classes) };
  const model = createGnn(spec, await importLayer(spec));
  try {
    const stages = trainedStages(model);
    const widths = stageWidths(model.stages);
    const parameters = model.parameters.reduce((sum, { variable }) => sum + variable.size, 0);
    const snapshots = mode === 'snapshot';
    const host = new HostPlan(graph, { stages, widths, order, fusedHead, snapshots, lookahead });
    const hasRoom = hostMemory >= host.minimumBytes;
    const played = hasRoom ? host.play(host.arenaBytes(hostMemory), cachePolicy) : undefined;
    const expanded = graph.expandedRows.reduce((a, b) => a + b, 0);
    const traffic = trafficPerEpoch({
      vertices: graph.vertices,
      expandedRows: expanded,
      stages,
      widths,
      fusedHead,
      snapshots,
    });
    const work = epochWork(graph, model.spec, stages, fusedHead);
    const device = {
      ...devicePeak(graph, model.spec, stages, parameters, { snapshots, stripeRows }),
      budgetBytes: deviceMemory,
    };
    const unlimited = host.play(host.arenaBytes(Number.POSITIVE_INFINITY), 'lru');
    const sizes = {
      parts: graph.rows.length,
      alpha: expanded / graph.vertices,
      rho: partExpansion(graph),
      host: {
        budgetBytes: hostMemory,
        minimumBytes: host.minimumBytes,
        residentBytes: host.tableBytes + unlimited.later.peakBytes,
        tableBytes: host.tableBytes,
        peakBytes: host.tableBytes + (played?.later.peakBytes ?? 0),
      },
      device,
    };
    return {
      ...sizes,
      mode: cacheMode(graph, widths, sizes.host),
      fits: hasRoom && device.bytes <= deviceMemory,
      remarks: remarks(sizes, hasRoom),
      storageBytes: host.numbers.bytes.reduce((a, b) => a + b, 0) - (snapshots ? 0 : snapshotBytes(host)),
      traffic,
      work,
      firstEpoch: played?.first,
      epoch: played?.later,
      seconds: rates && played && predictSeconds(played.later, traffic, work, rates),
      policies: comparePolicies && hasRoom ? compare(host, hostMemory) : [],
    };
  } finally {
    model.dispose();
  }
}

function compare(host: HostPlan, hostMemory: number): PolicyComparison[] {
  return [...cachePolicies, 'none' as const].map((policy) => {
    const { misses, bytesRead, bytesWritten } = host.play(host.arenaBytes(hostMemory), policy).later.counters;
    return { policy, misses, bytesRead, bytesWritten };
  });
}

/** Gathered inputs exist in mode `snapshot` only. */
function snapshotBytes({ numbers }: HostPlan): number {
  let bytes = 0;
  for (let block = 0; block < numbers.bytes.length; block++) {
    if (numbers.name(block).kind === 'snapshots') bytes += numbers.bytes[block]!;
  }
  return bytes;
}

function cacheMode(graph: GraphShape, widths: readonly number[], host: MemoryPlan['host']): CacheMode {
  if (host.budgetBytes >= host.residentBytes) return 'resident';
  const layer = 4 * graph.vertices * Math.max(...widths);
  const hidden = 4 * graph.vertices * Math.max(0, ...widths.slice(1, -1));
  return host.budgetBytes - host.tableBytes >= layer + hidden ? 'layer' : 'partition';
}

function partExpansion({ vertices, rows, dependencies }: GraphShape): number {
  let read = 0;
  for (const owners of dependencies) for (const q of owners) read += rows[q]!;
  return read / vertices;
}

function remarks(
  { parts, alpha, rho, host, device }: Pick<MemoryPlan, 'parts' | 'alpha' | 'rho' | 'host' | 'device'>,
  hasRoom: boolean,
): string[] {
  const said: string[] = [];
  if (!hasRoom) {
    said.push(
      `host memory must be at least ${formatBytes(host.minimumBytes)}, the budget is ${formatBytes(host.budgetBytes)}: raise it or use more parts`,
    );
  }
  if (device.bytes > device.budgetBytes) {
    said.push(
      `a step on partition ${device.partition} needs about ${formatBytes(device.bytes)} of device memory, the budget is ${formatBytes(device.budgetBytes)}: use more parts or narrower layers`,
    );
  }
  if (parts > 2 && rho > 0.9 * parts) {
    said.push(
      'nearly every partition reads rows of every other one: without a cache each pass would read everything once per partition',
    );
  }
  if (alpha > 0.7 * parts && parts > 2) {
    said.push('partitions hardly keep neighbours together; another partitioner or fewer parts would move fewer rows');
  }
  return said;
}

function predictSeconds(
  { counters, requests }: PlayedEpoch,
  traffic: DeviceTraffic,
  work: EpochWork,
  rates: LaneRates,
): PredictedSeconds {
  const read = counters.bytesRead / rates.readBytesPerSecond + requests * rates.requestSeconds;
  const write = counters.bytesWritten / rates.writeBytesPerSecond;
  const copy = (traffic.uploadBytes + traffic.downloadBytes) / rates.copyBytesPerSecond;
  const compute = work.denseMacs / rates.denseMacsPerSecond + work.sparseFloats / rates.sparseFloatsPerSecond;
  return {
    read,
    write,
    copy,
    compute,
    overlapped: Math.max(read, write, copy, compute),
    serial: read + write + copy + compute,
  };
}
