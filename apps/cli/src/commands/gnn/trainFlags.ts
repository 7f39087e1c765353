/** Flags of `gnn train`, and the options of the trainer that they stand for. */
import type { Layout, TrainOptions } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import type { DataFlags } from '../../data.js';
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
import { addModeFlags, given, type ModeFlags, modeOptions } from './modeFlags.js';
import { addOffloadFlags, type OffloadFlags } from './offloadFlags.js';
import { addPipelineFlags, type PipelineFlags } from './pipelineFlags.js';

const models = { gcn: 'gcn', sage: 'sage', gat: 'gat', 'res-sage': 'resSage' } as const;

/** Values of the flags that {@link addModelFlags} adds. */
export interface ModelFlags {
  readonly model: keyof typeof models;
  readonly layers?: number;
  readonly hidden?: number;
  readonly heads?: number;
  readonly dropout?: number;
  readonly norm?: 'none' | 'layer' | 'batch';
}

/** Values of the flags that {@link addRunFlags} adds. */
export interface RunFlags extends CommonFlags, ClusterFlags, DataFlags, Omit<ModeFlags, 'mode'>, ModelFlags {
  readonly lr: number;
  readonly weightDecay: number;
  readonly optimizer: 'adam' | 'adamw' | 'sgd';
  readonly epochs: number;
  readonly partition: string;
  readonly partitionPasses?: number;
  readonly featureNorm?: 'row' | 'none';
  readonly haloFeatures: 'every-epoch' | 'once';
  readonly overlap: boolean;
  readonly allReduce: 'auto' | 'flat' | 'hierarchical';
  readonly bucketBytes?: number;
  readonly evalEvery?: number;
  readonly patience?: number;
  readonly inductive?: boolean;
  readonly logEvery: number;
  readonly engine: NonNullable<TrainOptions['engine']>;
  readonly timeout: number;
}

/** Parsed flags of `gnn train`. */
export interface TrainFlags extends RunFlags, PipelineFlags, OffloadFlags {
  readonly mode: ModeFlags['mode'] | Layout;
  readonly checkpoint?: string;
  readonly checkpointEvery: number;
  readonly resume?: boolean;
  readonly trace?: string;
}

const atLeastOne = { min: 1 };

/** Other spellings people use: ResSAGE+, GraphSAGE, resSage. */
function modelName(text: string): keyof typeof models {
  const plain = text.toLowerCase().replace(/[^a-z]/g, '');
  if (plain === 'ressage') return 'res-sage';
  return choice('--model', Object.keys(models))(plain === 'graphsage' ? 'sage' : text) as keyof typeof models;
}

/** Adds what describes the network. */
export function addModelFlags(command: Command): Command {
  return command
    .option('--model <name>', 'gcn, sage, gat or res-sage', modelName, 'gcn')
    .option(
      '--layers <n>',
      'graph convolutions (default: 2 for gcn and gat, else 3)',
      integer('--layers', { min: 1, max: 1000 }),
    )
    .option('--hidden <n>', 'width of hidden layers (default: 64)', integer('--hidden', atLeastOne))
    .option('--heads <n>', 'attention heads, gat only; divides --hidden (default: 4)', integer('--heads', atLeastOne))
    .option('--dropout <p>', 'in [0, 1) (default: 0.5)', number('--dropout', { min: 0, max: 1, isMaxOpen: true }))
    .option('--norm <name>', 'none, layer or batch (default: by model)', choice('--norm', ['none', 'layer', 'batch']));
}

/** The network that the flags describe. */
export function modelOptions({ model, layers, hidden, heads, dropout, norm }: ModelFlags) {
  return { model: models[model], ...given({ layers, hidden, heads, dropout, norm }) };
}

/** Adds all flags of `gnn train` but those of the data set. */
export function addTrainFlags(command: Command): Command {
  addOffloadFlags(addModeFlags(command))
    .option('--checkpoint <dir>', 'folder for checkpoints and the trained model')
    .option('--checkpoint-every <n>', 'epochs between checkpoints', integer('--checkpoint-every', atLeastOne), 50)
    .option('--resume', 'go on from the checkpoint in --checkpoint')
    .option('--trace <file>', 'write a Chrome trace of every rank; open it in ui.perfetto.dev');
  return addRunFlags(addPipelineFlags(command));
}

/** Adds what every way of training has: network, optimiser, partition, exchange, cluster. */
export function addRunFlags(command: Command): Command {
  addModelFlags(command)
    .option('--lr <rate>', 'learning rate', number('--lr', { min: 0, isMinOpen: true }), 0.01)
    .option(
      '--weight-decay <rate>',
      'L2 for adam and sgd, decoupled for adamw',
      number('--weight-decay', { min: 0 }),
      0,
    )
    .option('--optimizer <name>', 'adam, adamw or sgd', choice('--optimizer', ['adam', 'adamw', 'sgd']), 'adam')
    .option('--epochs <n>', 'passes over the training vertices', integer('--epochs', atLeastOne), 200)
    .option(
      '--partition <how>',
      'random, hash, range, ldg, fennel, grem, multilevel, metis, or a file with the rank of each vertex',
      'fennel',
    )
    .option(
      '--partition-passes <n>',
      'how often ldg and fennel play their stream (default: 10)',
      integer('--partition-passes', atLeastOne),
    )
    .option(
      '--feature-norm <how>',
      'row: rows sum to one, or none (default: row for gcn and gat, else none)',
      choice('--feature-norm', ['row', 'none']),
    )
    .option(
      '--halo-features <when>',
      'every-epoch, or once: keep copies of neighbours’ features',
      choice('--halo-features', ['every-epoch', 'once']),
      'every-epoch',
    )
    .option('--overlap', 'aggregate central rows while halo rows travel (default)')
    .option('--no-overlap', 'wait for halo rows before aggregating')
    .option(
      '--all-reduce <how>',
      'auto, flat or hierarchical',
      choice('--all-reduce', ['auto', 'flat', 'hierarchical']),
      'auto',
    )
    .option('--bucket-bytes <n>', 'gradients sent at once (default: 1 MiB)', integer('--bucket-bytes', { min: 4 }))
    .option(
      '--eval-every <n>',
      'epochs between evaluations (default: 10, 1 below 10,000 vertices)',
      integer('--eval-every', atLeastOne),
    )
    .option('--patience <n>', 'stop after so many evaluations without a better one', integer('--patience', atLeastOne))
    .option('--inductive', 'train without seeing validation and test vertices')
    .option(
      '--log-every <n>',
      'epochs between lines where there is no terminal',
      integer('--log-every', atLeastOne),
      10,
    )
    .option('--timeout <seconds>', 'longest wait for another rank', number('--timeout', { min: 0.1, max: 86_400 }), 60);
  addEngineFlag(addSeedFlag(addClusterFlags(command)));
  return addCommonFlags(command);
}

/** Translates the flags of `gnn train`; what was not given is left to the trainer's defaults. */
export function trainOptions(flags: TrainFlags) {
  return {
    ...runOptions(flags),
    mode: flags.mode as ModeFlags['mode'],
    checkpointEvery: flags.checkpointEvery,
    resume: flags.resume ?? false,
    trace: flags.trace !== undefined,
    ...given({ checkpointDir: flags.checkpoint }),
  } satisfies TrainOptions;
}

/** Translates the flags that {@link addRunFlags} and those of the modes' options stand for. */
export function runOptions(flags: RunFlags) {
  const { bucketBytes, evalEvery, patience, partitionPasses, featureNorm } = flags;
  return {
    ...modeOptions(flags),
    model: modelOptions(flags),
    optimizer: { optimizer: flags.optimizer, lr: flags.lr, weightDecay: flags.weightDecay },
    epochs: flags.epochs,
    seed: flags.seed,
    engine: flags.engine,
    haloFeatures: flags.haloFeatures,
    overlap: flags.overlap,
    allReduce: flags.allReduce,
    inductive: flags.inductive ?? false,
    timeoutMs: Math.round(1000 * flags.timeout),
    ...given({ bucketBytes, evalEvery, patience, partitionPasses, featureNorm }),
  } satisfies TrainOptions;
}
