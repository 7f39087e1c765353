/**
 * The launch of core over MPI: this process is the rank. Every process of the job calls it with the same arguments; the
 * entry runs in place, and rank 0 collects what the others return, report and suffer.
 */
import {
  AbortedError,
  createRankContext,
  createTraceBuffer,
  deserializeError,
  importRankEntry,
  type LaunchReport,
  type LaunchRequest,
  openTrace,
  type RankEntry,
  RankFailedError,
  readTrace,
  registerTransport,
  serializeError,
  startDevice,
  sumTraffic,
  toChromeTrace,
} from '@strata-ml/core';
import { TAGS } from '../mailbox.js';
import { initMpi, type MpiProcess } from '../process.js';
import { createMpiWorld, type MpiWorld, type ServerRule } from '../world.js';
import { Collector, OtherRankFailed } from './Collector.js';
import type { FailureMessage, ResultMessage } from './messages.js';
import { pause } from './pause.js';
import { StopRequest } from './StopRequest.js';

/** What a launch over MPI gives back: core's report on rank 0; elsewhere the rank's own traffic and no results. */
export interface MpiLaunchReport<T> extends LaunchReport<T> {
  /** Whether this process is rank 0, which holds the report. The others end quietly. */
  readonly isRoot: boolean;
}

/** How long a failed rank leaves rank 0 to tell the cause and end the job, before it does so itself. */
const GRACE_MS = 4000;
/** How long rank 0 listens for an earlier cause when it failed itself: a peer's failure often shows here second. */
const LISTEN_MS = 200;
/** How often ranks that await something else take in messages. */
const PUMP_MS = 20;

/** One launch, as its parts see it. */
interface Run {
  readonly request: LaunchRequest;
  readonly mpiProcess: MpiProcess;
  readonly groups: MpiWorld;
  readonly launch: number;
  readonly stop: StopRequest;
}

let launches = 0;

/**
 * Registers the transport `mpi`: `launch(cluster, entry, payload, { transport: 'mpi' })` then runs the entry in this
 * process as the rank that mpirun or srun made it.
 *
 * Every process calls `launch` alike; `payload` is used as it is, so each builds its own. Rank 0 gets the report
 * ({@link MpiLaunchReport}) and the events of all ranks. A failure rejects on rank 0 with the first cause, as
 * `RankFailedError` that names the rank; the caller tells it and exits with a code other than 0, which ends all ranks.
 * Other ranks reject only if rank 0 has not ended the job within 4 s, so that the cause is told once. Which ranks form a
 * server: `STRATA_MPI_SERVERS` = `auto` (the default), `cluster` or `hosts`; see {@link ServerRule}.
 */
export function registerMpi(): void {
  registerTransport('mpi', launchMpi);
}

async function launchMpi(request: LaunchRequest): Promise<MpiLaunchReport<unknown>> {
  const { cluster, options } = request;
  const mpiProcess = initMpi();
  const launch = launches++;
  const { timeoutMs, checkComm } = options;
  const { devicesPerServer } = cluster;
  // Rank 0 of the world is rank 0 of MPI_COMM_WORLD in every layout. It listens before the world is made: others may
  // have much to tell while this process still waits for the last of them.
  const collector =
    mpiProcess.rank === 0 ? new Collector(mpiProcess, launch, mpiProcess.size, options.onEvent) : undefined;
  let groups: MpiWorld;
  try {
    const servers = serversFromEnvironment();
    groups = createMpiWorld({ devicesPerServer, servers, timeoutMs, checkComm, links: cluster }, mpiProcess);
  } catch (error) {
    // Every rank finds the same fault; rank 0 alone should tell it.
    if (mpiProcess.rank !== 0) await letRootEndTheJob(mpiProcess);
    throw error;
  }
  const { rank } = groups.world;
  const stop = new StopRequest(options.signal);
  const run: Run = { request, mpiProcess, groups, launch, stop };
  const watch = startWatch(run);
  try {
    const own = await Promise.race([runEntry(run), watch.failed]);
    if (!collector) {
      mpiProcess.mailbox.post(0, TAGS.result, own);
      while (!mpiProcess.mailbox.flushed()) await pause(1);
      return { ...reportOf([own], run), isRoot: false, results: [] };
    }
    collector.add(own);
    const { heartbeatMs } = options;
    const all = await Promise.race([collector.all(heartbeatMs === 0 ? Infinity : heartbeatMs), watch.failed]);
    return { ...reportOf(all, run), isRoot: true };
  } catch (error) {
    const phase = mpiProcess.progress.lastOperation ?? 'start';
    const failure: FailureMessage = { launch, rank, error: serializeError(error), phase };
    if (!collector) {
      mpiProcess.mailbox.post(0, TAGS.failure, failure);
      await letRootEndTheJob(mpiProcess);
      throw causeOf(failure, groups, error);
    }
    if (error instanceof OtherRankFailed) throw causeOf(collector.failure!, groups);
    const earlier = await collector.listen(LISTEN_MS);
    throw earlier && earlier.error.name !== 'CommTimeoutError'
      ? causeOf(earlier, groups)
      : causeOf(failure, groups, error);
  } finally {
    watch.stop();
    stop.dispose();
    collector?.dispose();
  }
}

/** The rank itself. */
async function runEntry({ request, mpiProcess, groups, launch, stop }: Run): Promise<ResultMessage> {
  const { cluster, options, payload } = request;
  const { server, localRank, world, serverGroup, crossGroup } = groups;
  const { rank } = world;
  const entry: RankEntry = await importRankEntry(request.entry);
  const { device, report } = await startDevice(options.engine, cluster.deviceMemoryBytes);
  const buffer = options.trace
    ? createTraceBuffer({ rank, server, localRank, capacity: options.traceCapacity })
    : undefined;
  const context = createRankContext({
    cluster,
    rank,
    transport: 'mpi',
    world,
    serverGroup,
    crossGroup,
    device,
    seed: options.seed,
    ...(buffer ? { trace: openTrace(buffer) } : {}),
    report(event) {
      if (rank === 0) options.onEvent?.(event, 0);
      else mpiProcess.mailbox.post(0, TAGS.event, { launch, rank, event });
    },
    isAborting: () => stop.isRequested,
  });
  const result = await entry(context, payload);
  return {
    launch,
    rank,
    result,
    traffic: world.traffic.rows(),
    peakBytes: report ? device.memory.peakBytes : 0,
    engine: report,
    recording: buffer ? readTrace(buffer) : undefined,
  };
}

/** While the entry awaits something else: takes in messages, and gives up a while after the caller asked to stop. */
function startWatch({ mpiProcess, stop, request }: Run): { failed: Promise<never>; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const failed = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      try {
        mpiProcess.mailbox.pump();
        if (stop.requestedForMs > request.options.abortGraceMs)
          reject(new AbortedError('launch: aborted by the caller'));
      } catch (error) {
        reject(error as Error);
      }
    }, PUMP_MS);
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

function reportOf(all: readonly ResultMessage[], { request, stop }: Run): LaunchReport<unknown> {
  const trafficByRank = all.map((r) => [...r.traffic]);
  const recordings = all.flatMap((r) => (r.recording ? [r.recording] : []));
  const engine = all[0]?.engine;
  return {
    results: all.map((r) => r.result),
    traffic: sumTraffic(trafficByRank),
    trafficByRank,
    peakBytes: all.map((r) => r.peakBytes),
    // What the MPI library allocates for messages is its own affair.
    stagingPeakBytes: all.map(() => 0),
    aborted: stop.isRequested,
    ...(engine ? { engine } : {}),
    ...(request.options.trace ? { trace: toChromeTrace(recordings), recordings } : {}),
  };
}

/** The error of a failed rank; `own` is the thrown value itself where it happened in this process. */
function causeOf({ rank, error, phase }: FailureMessage, { devicesPerServer }: MpiWorld, own?: unknown): Error {
  const cause = own instanceof Error ? own : deserializeError(error);
  if (cause instanceof AbortedError) return cause;
  let server = 0;
  let device = rank;
  while (device >= devicesPerServer[server]!) device -= devicesPerServer[server++]!;
  const message = `launch: rank ${rank} (server ${server}, device ${device}) failed in ${phase}: ${cause.message}`;
  return new RankFailedError(message, { rank, server, device, phase }, { cause });
}

function serversFromEnvironment(): ServerRule {
  const rule = process.env.STRATA_MPI_SERVERS;
  return rule === 'hosts' || rule === 'cluster' ? rule : 'auto';
}
