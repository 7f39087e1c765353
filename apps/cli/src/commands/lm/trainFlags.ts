/** Flags of `lm train`, and the options of the trainer that they stand for. */
import type { LanguageModelOptions } from '@strata-ml/comm-compress';
import type { Command } from 'commander';
import {
  addClusterFlags,
  addCommonFlags,
  addEngineFlag,
  addSeedFlag,
  type ClusterFlags,
  type CommonFlags,
  choice,
  integer,
  number,
} from '../../options.js';
import { given } from '../gnn/modeFlags.js';

const tokenizers = { char: 'characters', byte: 'bytes', gpt2: 'gpt2' } as const;
const p2pModes = { 'batched-sync': 'batchedSync', async: 'async' } as const;

/** Values of the flags that {@link addGptFlags} adds. */
export interface GptFlags {
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly context: number;
  readonly dropout: number;
  readonly untied?: boolean;
}

/** Values of the flags that {@link addParallelFlags} adds. */
export interface ParallelFlags {
  readonly dp: number;
  readonly pp: number;
  readonly tp: number;
  readonly microBatch?: number;
  readonly batch: number;
  readonly schedule: NonNullable<LanguageModelOptions['schedule']>;
  readonly chunks?: number;
  readonly p2p: keyof typeof p2pModes;
  readonly recompute?: boolean;
  readonly overlapGradients?: boolean;
  readonly wire: NonNullable<LanguageModelOptions['wire']>;
  readonly embeddingSync: NonNullable<LanguageModelOptions['embeddingSync']>;
}

/** Parsed flags of `lm train`. */
export interface TrainFlags extends CommonFlags, ClusterFlags, GptFlags, ParallelFlags {
  readonly data: string;
  readonly tokenizer: keyof typeof tokenizers;
  readonly steps: number;
  readonly lr: number;
  readonly minLr?: number;
  readonly warmup?: number;
  readonly weightDecay: number;
  readonly clip: number;
  readonly evalEvery?: number;
  readonly evalSamples: number;
  readonly seed: number;
  readonly engine: NonNullable<LanguageModelOptions['engine']>;
  readonly timeout: number;
  readonly logEvery: number;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly resume?: boolean;
  readonly trace?: string;
  readonly report?: string;
  readonly compress?: string;
}

const atLeastOne = { min: 1 };

/** Adds what describes the network. */
function addGptFlags(command: Command): Command {
  return command
    .option('--layers <n>', 'transformer blocks', integer('--layers', atLeastOne), 4)
    .option('--width <n>', 'width of the residual stream', integer('--width', atLeastOne), 128)
    .option('--heads <n>', 'attention heads; divides --width', integer('--heads', atLeastOne), 4)
    .option('--context <n>', 'tokens that the model sees at once', integer('--context', atLeastOne), 128)
    .option('--dropout <p>', 'in [0, 1)', number('--dropout', { min: 0, max: 1, isMaxOpen: true }), 0)
    .option('--untied', 'give the head a matrix of its own instead of the embedding table');
}

/** Adds how the model is spread over ranks. */
function addParallelFlags(command: Command): Command {
  return command
    .option('--dp <n>', 'replicas, each with its own samples', integer('--dp', atLeastOne), 1)
    .option('--pp <n>', 'pipeline stages, each with its own layers', integer('--pp', atLeastOne), 1)
    .option('--tp <n>', 'tensor ranks, which share each layer', integer('--tp', atLeastOne), 1)
    .option('--batch <n>', 'samples per step, over all replicas', integer('--batch', atLeastOne), 16)
    .option(
      '--micro-batch <n>',
      'samples that pass a stage at once (default: --batch over --dp and --pp)',
      integer('--micro-batch', atLeastOne),
    )
    .option(
      '--schedule <name>',
      'gpipe, 1f1b or interleaved',
      choice('--schedule', ['gpipe', '1f1b', 'interleaved']),
      '1f1b',
    )
    .option('--chunks <n>', 'model chunks per stage, interleaved only (default: 2)', integer('--chunks', atLeastOne))
    .option(
      '--p2p <how>',
      'between stages: async, or batched-sync as Megatron-LM',
      choice('--p2p', Object.keys(p2pModes)),
      'async',
    )
    .option('--recompute', 'keep only stage inputs for backward, compute the rest again')
    .option('--overlap-gradients', 'begin the gradient average while backward still runs')
    .option(
      '--wire <format>',
      'numbers between stages: fp32, bf16 or fp16',
      choice('--wire', ['fp32', 'bf16', 'fp16']),
      'fp32',
    )
    .option(
      '--embedding-sync <how>',
      'of a tied embedding on two stages: plain or fused',
      choice('--embedding-sync', ['plain', 'fused']),
      'plain',
    );
}

/** Adds all flags of `lm train`. */
export function addTrainFlags(command: Command): Command {
  command
    .requiredOption('--data <name>', 'name of a text data set, or a text file')
    .option('--tokenizer <name>', 'char, byte or gpt2', choice('--tokenizer', Object.keys(tokenizers)), 'char')
    .option('--steps <n>', 'updates of the weights', integer('--steps', atLeastOne), 1000)
    .option('--lr <rate>', 'highest learning rate', number('--lr', { min: 0, isMinOpen: true }), 1e-3)
    .option('--min-lr <rate>', 'learning rate at the end (default: a tenth of --lr)', number('--min-lr', { min: 0 }))
    .option('--warmup <n>', 'steps until --lr is reached (default: 1 % of --steps)', integer('--warmup', { min: 0 }))
    .option('--weight-decay <rate>', 'of matrices', number('--weight-decay', { min: 0 }), 0.01)
    .option('--clip <norm>', 'longest gradient', number('--clip', { min: 0, isMinOpen: true }), 1)
    .option(
      '--eval-every <n>',
      'steps between evaluations (default: a tenth of --steps)',
      integer('--eval-every', atLeastOne),
    )
    .option('--eval-samples <n>', 'windows of validation text', integer('--eval-samples', atLeastOne), 256)
    .option('--compress <what>', 'none, optimus-cc, or a JSON file as lm advise writes it')
    .option('--checkpoint <dir>', 'folder for checkpoints and the trained model')
    .option('--checkpoint-every <n>', 'steps between checkpoints', integer('--checkpoint-every', atLeastOne), 500)
    .option('--resume', 'go on from the checkpoint in --checkpoint, on whatever grid')
    .option('--trace <file>', 'write a Chrome trace of every rank; open it in ui.perfetto.dev')
    .option('--report <file>', 'write one self-contained HTML page with charts')
    .option('--log-every <n>', 'steps between lines where there is no terminal', integer('--log-every', atLeastOne), 50)
    .option('--timeout <seconds>', 'longest wait for another rank', number('--timeout', { min: 0.1, max: 86_400 }), 60);
  return addCommonFlags(addEngineFlag(addSeedFlag(addClusterFlags(addParallelFlags(addGptFlags(command))))));
}

/** How the text becomes tokens. */
export function tokenizerOf({ tokenizer }: Pick<TrainFlags, 'tokenizer'>) {
  return tokenizers[tokenizer];
}

/** The network that the flags describe. */
function gptOptions({ layers, width, heads, context, dropout, untied = false }: GptFlags) {
  return { layers, width, heads, context, dropout, tied: !untied } satisfies LanguageModelOptions['model'];
}

/** The grid that the flags describe. */
function parallelOptions(flags: ParallelFlags) {
  const { dp, pp, tp, batch, schedule, recompute = false, overlapGradients = false, wire, embeddingSync } = flags;
  const microBatch = flags.microBatch ?? Math.max(1, Math.floor(batch / (dp * pp)));
  return {
    dp,
    pp,
    tp,
    globalBatch: batch,
    microBatch,
    schedule,
    p2p: p2pModes[flags.p2p],
    recompute,
    overlapGradients,
    wire,
    embeddingSync,
    ...given({ chunks: flags.chunks }),
  } satisfies LanguageModelOptions;
}

/** Translates the flags of `lm train`. */
export function trainOptions(flags: TrainFlags) {
  const { steps, lr, minLr, warmup, weightDecay, clip, seed, engine, checkpoint } = flags;
  return {
    ...parallelOptions(flags),
    model: gptOptions(flags),
    steps,
    learningRate: { lr, ...given({ minLr, warmupSteps: warmup }) },
    optimizer: { weightDecay },
    clip,
    seed,
    engine,
    evaluateEvery: flags.evalEvery ?? Math.max(1, Math.floor(steps / 10)),
    evaluationSamples: flags.evalSamples,
    checkpointEvery: flags.checkpointEvery,
    resume: flags.resume ?? false,
    timeoutMs: Math.round(1000 * flags.timeout),
    trace: flags.trace !== undefined || flags.report !== undefined,
    ...given({ checkpointDir: checkpoint }),
  } satisfies LanguageModelOptions;
}
