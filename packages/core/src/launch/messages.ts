/** What the parent gives a rank, and what the rank posts back. */
import type { ClusterSpec } from '../cluster/Cluster.js';
import type { TrafficRow } from '../comm/counters.js';
import type { Fabric } from '../comm/threads/fabric.js';
import type { EngineName, EngineReport } from '../engine/EngineReport.js';
import type { SerializedError } from '../errors.js';
import type { TraceRecording } from '../trace/TraceBuffer.js';
import type { LaunchRequest } from './options.js';

/** What a rank starts with. */
export interface RankJob {
  readonly rank: number;
  readonly cluster: ClusterSpec;
  readonly fabric: Fabric;
  readonly entry: string;
  readonly payload: unknown;
  readonly engine: EngineName | 'auto' | 'none';
  readonly seed: number;
  readonly timeoutMs: number;
  readonly checkComm: boolean;
  /** Spans to record; undefined for no trace. */
  readonly traceCapacity?: number;
}

/** What a rank posts. */
export type RankMessage =
  | { readonly type: 'ready' }
  | { readonly type: 'event'; readonly event: unknown }
  | {
      readonly type: 'result';
      readonly result: unknown;
      readonly traffic: TrafficRow[];
      readonly peakBytes: number;
      readonly stagingPeakBytes: number;
      readonly engine?: EngineReport;
      readonly recording?: TraceRecording;
    }
  | { readonly type: 'failure'; readonly error: SerializedError };

/** The job of each rank of a run. */
export function jobsOf({ cluster, entry, payload, options }: LaunchRequest, fabric: Fabric): (rank: number) => RankJob {
  const { engine, seed, timeoutMs, checkComm, trace, traceCapacity } = options;
  return (rank) => ({
    rank,
    cluster,
    fabric,
    entry: entry.href,
    payload,
    engine,
    seed,
    timeoutMs,
    checkComm,
    ...(trace ? { traceCapacity } : {}),
  });
}
