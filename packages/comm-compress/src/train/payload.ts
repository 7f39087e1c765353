/** What travels from the caller to every rank, and back. */
import type { TrafficRow } from '@strata-ml/core';
import type { GptConfig } from '@strata-ml/models';
import type { WholeModel } from '../checkpoint/gather.js';
import type { HooksModule } from './hooks.js';
import type { StepRow } from './report.js';
import type { StepSeconds } from './StepReport.js';
import type { TrainerOptions } from './TrainerOptions.js';

/** Entry payload of a training rank. */
export interface LanguageModelPayload {
  readonly config: GptConfig;
  /** Over shared memory. */
  readonly train: Int32Array;
  readonly validation: Int32Array | undefined;
  readonly options: TrainerOptions;
  readonly steps: number;
  readonly evaluateEvery: number;
  readonly evaluationSamples: number;
  readonly checkpointDir: string | undefined;
  readonly checkpointEvery: number;
  readonly resume: boolean;
  readonly fingerprint: string;
  readonly hooks: HooksModule | undefined;
  /** Kept with the model: what turns tokens into text. */
  readonly tokenizer: unknown;
}

/** What a rank returns; only rank 0 fills `root`. */
export interface LanguageModelRankResult {
  readonly peakBytes: number;
  readonly parameters: number;
  readonly parts: StepSeconds;
  /** Sent by this rank in the last step. */
  readonly stepTraffic: readonly TrafficRow[];
  readonly root?: {
    readonly aborted: boolean;
    readonly steps: readonly StepRow[];
    readonly stepSeconds: readonly number[];
    readonly weights: WholeModel;
    readonly parametersHash: string;
    readonly setupSeconds: number;
    readonly engine: string;
    readonly kernels: string;
    readonly files: { model?: string; checkpoint?: string };
  };
}
