/** What a language model's training run reports: events while it goes on, metrics at the end. */
import type { ChromeTrace, TimingSummary, TraceRecording, TrafficRow } from '@strata-ml/core';
import type { GptConfig } from '@strata-ml/models';
import type { WholeModel } from '../checkpoint/gather.js';
import type { StepTraffic } from './expectedTraffic.js';
import type { StepSeconds } from './StepReport.js';

/** One row of the timeline. */
export interface StepRow {
  /** From 1. */
  readonly step: number;
  /** Mean cross-entropy of the step's samples before its update, in nats per token. */
  readonly loss: number;
  /** Wall-clock seconds, evaluation excluded. */
  readonly seconds: number;
  /** Bytes sent by all ranks in this step. */
  readonly bytes: number;
  readonly learningRate: number;
  readonly gradientNorm: number;
  /** If the step was evaluated. */
  readonly valLoss?: number;
}

/** Sent to `onEvent`. */
export type LanguageModelEvent =
  | { readonly type: 'setup'; readonly engine: string; readonly kernels: string; readonly seconds: number }
  | ({ readonly type: 'step'; readonly steps: number; readonly tokensPerSecond: number } & StepRow)
  | { readonly type: 'checkpoint'; readonly step: number; readonly path: string }
  | { readonly type: 'resumed'; readonly step: number; readonly hasDroppedHooks: boolean };

/** Metrics of `lm train` (result schema version 1). */
export interface LanguageModelMetrics {
  /** Mean over the last ten steps, nats per token. */
  readonly trainLoss: number;
  /** After the last step; NaN without validation text. */
  readonly valLoss: number;
  /** First steps and evaluation excluded. */
  readonly stepSeconds: TimingSummary;
  /** Of the median step. */
  readonly tokensPerSecond: number;
  /** Sent in one step, summed over ranks, by phase. */
  readonly traffic: readonly TrafficRow[];
  /** The closed form of it, without hooks. */
  readonly predicted: StepTraffic;
  /** Medians over timed steps, by rank. */
  readonly parts: readonly StepSeconds[];
  readonly parametersHash: string;
  readonly parameters: number;
  /** Numbers that each rank holds. */
  readonly parametersByRank: readonly number[];
  readonly peakDeviceBytes: readonly number[];
  readonly setupSeconds: number;
}

/** What {@link trainLanguageModel} returns. */
export interface LanguageModelReport {
  readonly status: 'ok' | 'aborted';
  /** False on MPI ranks other than 0, which get no metrics of their own. */
  readonly isRoot: boolean;
  readonly config: GptConfig;
  readonly metrics: LanguageModelMetrics;
  readonly timeline: { readonly steps: readonly StepRow[] };
  /** The trained weights, by the names of `gptParameters`. */
  readonly weights: WholeModel;
  readonly environment: { readonly engine: string; readonly kernels: string };
  /** If asked for. */
  readonly trace?: ChromeTrace;
  readonly recordings?: readonly TraceRecording[];
  /** Files written. */
  readonly files: { readonly model?: string; readonly checkpoint?: string };
}
