/** What the parent gives a rank's thread, and what the thread posts back. */
import type { ClusterSpec } from '../cluster/Cluster.js';
import type { TrafficRow } from '../comm/counters.js';
import type { Fabric } from '../comm/threads/fabric.js';
import type { EngineName, EngineReport } from '../engine/EngineReport.js';
import type { SerializedError } from '../errors.js';
import type { TraceBuffer } from '../trace/TraceBuffer.js';

/** What a thread starts with. */
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
  readonly traceBuffer?: TraceBuffer;
}

/** What a thread posts. */
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
    }
  | { readonly type: 'failure'; readonly error: SerializedError };
