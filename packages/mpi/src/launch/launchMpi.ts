/**
 * The launch of core over MPI: this process is the rank. Every process of the job calls it with the same arguments; the
 * entry runs in place, and rank 0 collects what the others return, report and suffer.
 */
import {
  AbortedError,
  type ChromeTrace,
  type ClusterSpec,
  createDevice,
  createTraceBuffer,
  deserializeError,
  type EngineName,
  initEngine,
  NO_TRACE,
  openTrace,
  type RankContext,
  type RankEntry,
  RankFailedError,
  Rng,
  readTrace,
  serializeError,
  sumTraffic,
  type TrafficRow,
  toChromeTrace,
} from '@strata-ml/core';
import { TAGS } from '../mailbox.js';
import { initMpi, type MpiProcess } from '../process.js';
import { createMpiWorld, type MpiWorld, type ServerRule } from '../world.js';
import { Collector, OtherRankFailed } from './Collector.js';
import type { FailureMessage, ResultMessage } from './messages.js';
import { pause } from './pause.js';
import { StopRequest } from './signals.js';

/** Options of {@link launchMpi}: those of core's `launch`. */
export interface MpiLaunchOptions<E = unknown> {
  /** @defaultValue `'auto'` */
  readonly engine?: EngineName | 'auto';
  /** @defaultValue `1` */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  /** Longest wait of any communication call, in ms. @defaultValue `60000` */
  readonly timeoutMs?: number;
  /** Called on rank 0 with the events of all ranks, while it waits or is idle. */
  readonly onEvent?: (event: E) => void;
  readonly trace?: boolean;
  readonly checkComm?: boolean;
  /** What makes ranks neighbours. @defaultValue `STRATA_MPI_SERVERS`, else `'auto'` */
  readonly servers?: ServerRule;
}

/** What {@link launchMpi} returns: core's report on rank 0; elsewhere the rank's own part and no results. */
export interface MpiLaunchReport<T> {
  /** Whether this process is rank 0, which holds the report. The others end quietly. */
  readonly isRoot: boolean;
  readonly results: T[];
  readonly traffic: TrafficRow[];
  readonly trafficByRank: TrafficRow[][];
  readonly peakBytes: number[];
  readonly trace?: ChromeTrace;
}

/** How long a failed rank leaves rank 0 to tell the cause and end the job, before it does so itself. */
const GRACE_MS = 4000;
/** How long rank 0 listens for an earlier cause when it failed itself: a peer's failure often shows here second. */
const LISTEN_MS = 200;
/** How often ranks that await something else take in messages. */
const PUMP_MS = 20;

let launches = 0;

/**
 * Runs `entry` as this rank. Collective.
 *
 * Rejects on rank 0 with the first cause, as {@link RankFailedError} that names the rank; the caller tells it and exits
 * with a code other than 0, which aborts the job. Other ranks reject only if rank 0 has not ended the job in 4 s, so that
 * the cause is told once. `payload` is used as it is: every process builds its own.
 *
 * @throws {@link OptionError} if the cluster does not fit the job.
 * @throws {@link AbortedError} if a rank stopped because it was asked to.
 */
export async function launchMpi<P, T, E>(
  cluster: ClusterSpec,
  entry: URL,
  payload: P,
  options: MpiLaunchOptions<E> = {},
): Promise<MpiLaunchReport<T>> {
  const mpiProcess = initMpi();
  const launch = launches++;
  const { timeoutMs = 60_000, checkComm = false } = options;
  const servers = options.servers ?? serversFromEnvironment();
  const { devicesPerServer } = cluster;
  let groups: MpiWorld;
  try {
    groups = createMpiWorld({ devicesPerServer, servers, timeoutMs, checkComm, links: cluster }, mpiProcess);
  } catch (error) {
    // Every rank finds the same fault; rank 0 alone should tell it.
    if (mpiProcess.rank !== 0) await letRootEndTheJob(mpiProcess);
    throw error;
  }
  const rank = groups.world.rank;
  // Rank 0 of the world is rank 0 of MPI_COMM_WORLD in every layout.
  const collector =
    rank === 0 ? new Collector(mpiProcess, launch, groups.world.size, options.onEvent as never) : undefined;
  const stop = new StopRequest(options.signal);
  const phase = { current: 'setup' };
  const pump = startPump(mpiProcess);
  try {
    const run = runEntry<P, T, E>(cluster, entry, payload, options, mpiProcess, groups, stop, launch, phase);
    const own = await Promise.race([run, pump.failed]);
    phase.current = 'result';
    if (!collector) {
      mpiProcess.mailbox.post(0, TAGS.result, own);
      while (!mpiProcess.mailbox.flushed()) await pause(1);
      return { isRoot: false, results: [], traffic: [...own.traffic], trafficByRank: [], peakBytes: [] };
    }
    collector.add(own);
    return reportOf<T>(await collector.all(timeoutMs), options.trace ?? false);
  } catch (error) {
    const failure: FailureMessage = { launch, rank, error: serializeError(error), phase: phase.current };
    if (!collector) {
      mpiProcess.mailbox.post(0, TAGS.failure, failure);
      await letRootEndTheJob(mpiProcess);
      throw causeOf(failure, groups, error);
    }
    if (error instanceof OtherRankFailed) throw causeOf(collector.failure!, groups);
    const earlier = await collector.listen(LISTEN_MS);
    throw earlier && !isTimeout(earlier) ? causeOf(earlier, groups) : causeOf(failure, groups, error);
  } finally {
    pump.stop();
    stop.dispose();
  }
}

async function runEntry<P, T, E>(
  cluster: ClusterSpec,
  entry: URL,
  payload: P,
  { engine = 'auto', seed = 1, trace = false, onEvent }: MpiLaunchOptions<E>,
  mpiProcess: MpiProcess,
  groups: MpiWorld,
  stop: StopRequest,
  launch: number,
  phase: { current: string },
): Promise<ResultMessage> {
  const report = await initEngine({ prefer: engine, memoryBytes: cluster.deviceMemoryBytes, threads: 1 });
  const { server, localRank, world, serverGroup, crossGroup } = groups;
  const buffer = trace ? createTraceBuffer({ rank: world.rank, server, localRank }) : undefined;
  const device = createDevice(report);
  const context: RankContext<E> = {
    rank: world.rank,
    worldSize: world.size,
    server,
    localRank,
    cluster,
    transport: 'mpi',
    world,
    serverGroup,
    crossGroup,
    device,
    rng: new Rng(seed),
    trace: buffer ? openTrace(buffer) : NO_TRACE,
    report(event) {
      if (world.rank === 0) onEvent?.(event);
      else mpiProcess.mailbox.post(0, TAGS.event, { launch, rank: world.rank, event });
    },
    get isAborting() {
      return stop.isRequested;
    },
    throwIfAborted() {
      if (stop.isRequested) throw new AbortedError();
    },
  };
  phase.current = 'entry';
  const main = (await import(entry.href)) as { default: RankEntry<P, T, E> };
  const result = await main.default(context, payload);
  return {
    launch,
    rank: world.rank,
    result,
    traffic: world.traffic.rows(),
    peakBytes: device.memory.peakBytes,
    trace: buffer ? readTrace(buffer) : undefined,
  };
}

/** Takes in messages while the entry awaits something that is not communication. */
function startPump(mpiProcess: MpiProcess): { failed: Promise<never>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      try {
        mpiProcess.mailbox.pump();
      } catch (error) {
        reject(error as Error);
      }
    }, PUMP_MS);
    timer.unref();
  });
  // Nobody may be listening any more when it rejects.
  failed.catch(() => {});
  return { failed, stop: () => clearInterval(timer) };
}

async function letRootEndTheJob(mpiProcess: MpiProcess): Promise<void> {
  const until = performance.now() + GRACE_MS;
  while (performance.now() < until) {
    mpiProcess.mailbox.pump();
    await pause(5);
  }
}

function reportOf<T>(all: readonly ResultMessage[], withTrace: boolean): MpiLaunchReport<T> {
  const trafficByRank = all.map((r) => [...r.traffic]);
  return {
    isRoot: true,
    results: all.map((r) => r.result as T),
    traffic: sumTraffic(trafficByRank),
    trafficByRank,
    peakBytes: all.map((r) => r.peakBytes),
    ...(withTrace ? { trace: toChromeTrace(all.flatMap((r) => (r.trace ? [r.trace] : []))) } : {}),
  };
}

/** The error of a failed rank; `own` is the thrown value itself where it happened in this process. */
function causeOf({ rank, error, phase }: FailureMessage, { devicesPerServer }: MpiWorld, own?: unknown): Error {
  const cause = own instanceof Error ? own : deserializeError(error);
  if (cause instanceof AbortedError) return cause;
  let server = 0;
  let device = rank;
  while (device >= devicesPerServer[server]!) device -= devicesPerServer[server++]!;
  const message = `launch: rank ${rank} (server ${server}, device ${device}) failed: ${cause.message}`;
  return new RankFailedError(message, { rank, server, device, phase }, { cause });
}

function isTimeout({ error }: FailureMessage): boolean {
  return error.name === 'CommTimeoutError';
}

function serversFromEnvironment(): ServerRule {
  const rule = process.env.STRATA_MPI_SERVERS;
  return rule === 'hosts' || rule === 'cluster' ? rule : 'auto';
}
