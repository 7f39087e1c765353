/** What {@link trainLanguageModel} takes, and its checks. */
import { createHash } from 'node:crypto';
import { accessSync, constants, mkdirSync } from 'node:fs';
import { type ClusterSpec, type EngineName, OptionError } from '@strata-ml/core';
import type { GptConfig, GptOptions } from '@strata-ml/models';
import type { HooksModule } from './hooks.js';
import type { LearningRateOptions } from './learningRate.js';
import type { LanguageModelEvent } from './report.js';
import type { ResolvedTrainerOptions, TrainerOptions } from './TrainerOptions.js';

/** A text as tokens. */
export interface LanguageData {
  /** int32, each in 0 … vocabulary − 1. */
  readonly train: Int32Array;
  /** For the validation loss. @defaultValue none */
  readonly validation?: Int32Array;
  readonly vocabulary: number;
  /** Plain data that turn tokens into text; kept with the model. @defaultValue none */
  readonly tokenizer?: unknown;
}

/** Options of {@link trainLanguageModel}. */
export interface LanguageModelOptions extends TrainerOptions {
  /** @defaultValue 4 layers, width 128, 4 heads, context 128, no dropout, tied head */
  readonly model?: Partial<Omit<GptOptions, 'vocabulary' | 'paddedVocabulary'>>;
  /** @defaultValue `200` */
  readonly steps?: number;
  /** @defaultValue 1e-3 after a warm-up over 1 % of the steps, then a cosine down to a tenth */
  readonly learningRate?: Partial<LearningRateOptions>;
  /** Steps between evaluations. @defaultValue only after the last */
  readonly evaluateEvery?: number;
  /** Windows of the validation text that are evaluated, from its start. @defaultValue `256` */
  readonly evaluationSamples?: number;
  /** One device for each rank of the grid. @defaultValue one server with as many as the grid needs */
  readonly cluster?: ClusterSpec | string;
  /** @defaultValue as `launch` */
  readonly transport?: string;
  /** @defaultValue `'auto'` */
  readonly engine?: EngineName | 'auto';
  /** Longest wait for another rank, in ms. @defaultValue `60000` */
  readonly timeoutMs?: number;
  /** Folder for checkpoints and the trained model. @defaultValue none are written */
  readonly checkpointDir?: string;
  /** Steps between checkpoints. @defaultValue `500` */
  readonly checkpointEvery?: number;
  /** Continue from the checkpoint in `checkpointDir`, if there is one, on whatever grid. @defaultValue `false` */
  readonly resume?: boolean;
  /** Compression of messages and gradients. @defaultValue none */
  readonly hooks?: HooksModule;
  /** Record spans of all ranks. @defaultValue `false` */
  readonly trace?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: LanguageModelEvent) => void;
}

const trainerKeys = [
  'tp',
  'pp',
  'dp',
  'placement',
  'microBatch',
  'globalBatch',
  'schedule',
  'chunks',
  'p2p',
  'queue',
  'scatterGather',
  'recompute',
  'overlapGradients',
  'bucketBytes',
  'embeddingSync',
  'wire',
  'lossScale',
  'clip',
  'optimizer',
  'learningRate',
  'seed',
] as const satisfies readonly (keyof TrainerOptions)[];

/** The part that every rank's trainer takes. */
export function trainerOptionsOf(options: LanguageModelOptions): TrainerOptions {
  return Object.fromEntries(
    trainerKeys.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]),
  ) as TrainerOptions;
}

/** Settings that change the numbers of a run; a resumed run must have the same. Grid and steps may change. */
export function fingerprint(data: LanguageData, config: GptConfig, options: ResolvedTrainerOptions): string {
  const { optimizer, clip, globalBatch, seed } = options;
  const facts = { tokens: data.train.length, config, optimizer, clip, globalBatch, seed };
  return createHash('sha256').update(JSON.stringify(facts)).digest('hex').slice(0, 16);
}

/** @throws {@link OptionError} that names the first token out of range. */
export function checkTokens({ train, validation, vocabulary }: LanguageData): void {
  for (const [name, tokens] of Object.entries({ train, validation })) {
    const wrong = tokens?.findIndex((token) => !(token >= 0 && token < vocabulary)) ?? -1;
    if (wrong >= 0) {
      throw new OptionError(
        'trainLanguageModel',
        `token ${wrong} of ${name}`,
        tokens![wrong],
        `in 0 … ${vocabulary - 1}`,
      );
    }
  }
}

/** @throws {@link OptionError} if nothing can be written there. */
export function checkWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    const why = (cause as Error).message;
    throw new OptionError('trainLanguageModel', 'checkpointDir', folder, 'a folder that can be written', why);
  }
}
