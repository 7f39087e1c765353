/** What ranks tell rank 0 during a launch, over the side channel. */
import type { EngineReport, SerializedError, TraceRecording, TrafficRow } from '@strata-ml/core';

/** An event of a rank's `report`. */
export interface EventMessage {
  readonly launch: number;
  readonly rank: number;
  readonly event: unknown;
}

/** What a rank has when its entry has returned. */
export interface ResultMessage {
  readonly launch: number;
  readonly rank: number;
  readonly result: unknown;
  readonly traffic: readonly TrafficRow[];
  readonly peakBytes: number;
  readonly engine: EngineReport | undefined;
  readonly recording: TraceRecording | undefined;
}

/** Why a rank's entry ended without a result. */
export interface FailureMessage {
  readonly launch: number;
  readonly rank: number;
  readonly error: SerializedError;
  readonly phase: string;
}
