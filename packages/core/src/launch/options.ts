/** What a run is told, and what it gives back. */
import type { ClusterSpec } from '../cluster/Cluster.js';
import type { TrafficRow } from '../comm/counters.js';
import type { EngineName, EngineReport } from '../engine/EngineReport.js';
import type { ChromeTrace } from '../trace/chrome.js';
import type { TraceRecording } from '../trace/TraceBuffer.js';

/** Options of {@link launch}. */
export interface LaunchOptions<E = unknown> {
  /**
   * `threads`, `processes` (Linux), or a name given to {@link registerTransport}, such as `mpi`.
   *
   * @defaultValue `'threads'`; `'processes'` for several ranks on the engine `tensorflow`
   */
  readonly transport?: string;
  /** Engine of every rank; `none` starts ranks that only communicate, without tfjs. @defaultValue `'auto'` */
  readonly engine?: EngineName | 'auto' | 'none';
  /** Seed of `ctx.rng`, the same on all ranks. @defaultValue `1` */
  readonly seed?: number;
  /** Asks the ranks to stop: see {@link LaunchOptions.abortGraceMs}. */
  readonly signal?: AbortSignal;
  /** Time after an abort in which ranks may agree to stop, save and return, in ms. @defaultValue `3000` */
  readonly abortGraceMs?: number;
  /** Longest wait for another rank in one operation, in ms. @defaultValue `60000` */
  readonly timeoutMs?: number;
  /**
   * A rank that shows no sign of life this long has failed: it neither communicates, reports, checks for an abort nor
   * returns to its event loop. In ms, 0 for no limit. @defaultValue `300000`
   */
  readonly heartbeatMs?: number;
  /** Called with what a rank passes to `ctx.report`, while the run goes on. */
  readonly onEvent?: (event: E, rank: number) => void;
  /** Records spans of all ranks. @defaultValue `false` */
  readonly trace?: boolean;
  /** Spans kept per rank. @defaultValue `65536` */
  readonly traceCapacity?: number;
  /** Ranks compare before every collective what they call, also where none would have to wait. @defaultValue `false` */
  readonly checkComm?: boolean;
  /** Limit of each rank's JavaScript heap, in MiB; tensors and typed arrays are not part of it. @defaultValue Node's */
  readonly heapMb?: number;
}

/** What a run gives back. */
export interface LaunchReport<T> {
  /** What the entry returned, by rank. */
  readonly results: T[];
  /** Traffic summed over ranks. */
  readonly traffic: TrafficRow[];
  readonly trafficByRank: TrafficRow[][];
  /** Peak bytes of tensors, by rank; 0 without an engine. */
  readonly peakBytes: number[];
  /** Peak bytes of messages and collectives in shared memory, by rank. */
  readonly stagingPeakBytes: number[];
  /** The engine of rank 0; absent with engine `none`. */
  readonly engine?: EngineReport;
  /** Where the ranks ran. */
  readonly transport?: string;
  /** True if the caller asked to stop and the ranks returned nevertheless. */
  readonly aborted: boolean;
  /** If asked for. */
  readonly trace?: ChromeTrace;
  /** What `trace` was made from; `summariseTrace` takes it. */
  readonly recordings?: TraceRecording[];
}

/** Options with defaults filled in. */
export interface ResolvedLaunchOptions {
  readonly engine: EngineName | 'auto' | 'none';
  readonly seed: number;
  readonly signal: AbortSignal | undefined;
  readonly abortGraceMs: number;
  readonly timeoutMs: number;
  readonly heartbeatMs: number;
  readonly onEvent: ((event: unknown, rank: number) => void) | undefined;
  readonly trace: boolean;
  readonly traceCapacity: number;
  readonly checkComm: boolean;
  readonly heapMb: number | undefined;
}

/** What a transport is asked to run. */
export interface LaunchRequest {
  readonly cluster: ClusterSpec;
  readonly entry: URL;
  readonly payload: unknown;
  readonly options: ResolvedLaunchOptions;
}

/** Runs an entry on all ranks of a cluster. */
export type TransportLauncher = (request: LaunchRequest) => Promise<LaunchReport<unknown>>;
