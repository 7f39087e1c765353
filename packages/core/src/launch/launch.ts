/** Starts a run: the same function on every rank of a cluster (SPMD, as with torchrun or mpirun). */
import { type ClusterSpec, worldSizeOf } from '../cluster/Cluster.js';
import { AbortedError, OptionError } from '../errors.js';
import type { LaunchOptions, LaunchReport, ResolvedLaunchOptions, TransportLauncher } from './options.js';
import { launchProcesses } from './processes.js';
import { launchThreads } from './threads.js';

const transports = new Map<string, TransportLauncher>([
  ['threads', launchThreads],
  ['processes', launchProcesses],
]);

/** Makes a transport known under a name; a name given twice takes the later launcher. */
export function registerTransport(name: string, launcher: TransportLauncher): void {
  transports.set(name, launcher);
}

/** Names that {@link launch} takes as `transport`. */
export function transportNames(): string[] {
  return [...transports.keys()];
}

/**
 * Runs the default export of a module on every rank and gathers what it returns.
 *
 * Payload and results travel by structured clone; typed arrays over SharedArrayBuffer are shared, not copied (see
 * `toShared`), except between processes, which get a copy each. The first rank that fails ends the run: the others are stopped, nothing is left running.
 *
 * @param cluster - one rank per device; links that are limited and not `measured` are emulated
 * @param entry - URL of an ES module, e.g. `new URL('./entry.js', import.meta.url)`; Node must be able to import it
 * @param payload - given to every rank
 * @throws {@link OptionError} if an option is out of range or the payload cannot be cloned.
 * @throws {@link RankFailedError} if a rank throws, exits, runs out of memory or stops answering; `cause` says why.
 * @throws {@link AbortedError} if `signal` is aborted, unless all ranks returned.
 */
export async function launch<P = unknown, T = unknown, E = unknown>(
  cluster: ClusterSpec,
  entry: URL,
  payload: P,
  options: LaunchOptions<E> = {},
): Promise<LaunchReport<T>> {
  const { transport = defaultTransport(cluster, options.engine) } = options;
  const launcher = transports.get(transport);
  if (!launcher) {
    const remedy = transport === 'mpi' ? 'call registerMpi() of @strata-ml/mpi first' : undefined;
    throw new OptionError('launch', 'transport', transport, `one of ${transportNames().join(', ')}`, remedy);
  }
  if (!(entry instanceof URL)) throw new OptionError('launch', 'entry', entry, 'a URL of a module');
  const resolved = resolve(options);
  if (resolved.signal?.aborted) throw new AbortedError('launch: aborted before it began');
  const report = (await launcher({ cluster, entry, payload, options: resolved })) as LaunchReport<T>;
  return { ...report, transport };
}

/**
 * The transport that {@link launch} takes where none is named: `threads`, but `processes` for several ranks on the engine
 * `tensorflow`, named or in `STRATA_ENGINE`, whose addon may load in one thread of a process only.
 */
export function defaultTransport(
  cluster: ClusterSpec,
  engine: LaunchOptions['engine'] = 'auto',
): 'threads' | 'processes' {
  const isTensorflow = (engine === 'auto' ? process.env.STRATA_ENGINE : engine) === 'tensorflow';
  return isTensorflow && worldSizeOf(cluster) > 1 ? 'processes' : 'threads';
}

function resolve<E>(options: LaunchOptions<E>): ResolvedLaunchOptions {
  const {
    engine = 'auto',
    seed = 1,
    signal,
    abortGraceMs = 3000,
    timeoutMs = 60_000,
    heartbeatMs = 300_000,
    onEvent,
    trace = false,
    traceCapacity = 65_536,
    checkComm = false,
    heapMb,
  } = options;
  if (!Number.isSafeInteger(seed)) throw new OptionError('launch', 'seed', seed, 'a whole number');
  for (const [name, value, least] of [
    ['timeoutMs', timeoutMs, 1],
    ['heartbeatMs', heartbeatMs, 0],
    ['abortGraceMs', abortGraceMs, 0],
    ['heapMb', heapMb ?? 1, 1],
  ] as const) {
    if (!(value >= least)) throw new OptionError('launch', name, value, `a number ≥ ${least}`);
  }
  return {
    engine,
    seed,
    signal,
    abortGraceMs,
    timeoutMs,
    heartbeatMs,
    // Events are what the caller's ranks report; the caller gives their type.
    onEvent: onEvent as ((event: unknown, rank: number) => void) | undefined,
    trace,
    traceCapacity,
    checkComm,
    heapMb,
  };
}
