/** Options of a training run, checked and with defaults filled in. */
import {
  type ClusterSpec,
  defaultTransport,
  ENGINE_NAMES,
  type EngineName,
  OptionError,
  parseCluster,
} from '@strata-ml/core';
import { type PartitionMethod, partitionMethods } from '@strata-ml/graph';
import {
  createOptimizer,
  type FeatureNorm,
  featureNorms,
  type GnnSpec,
  type OptimizerSpec,
  type ResolvedGnnSpec,
  resolveGnnSpec,
} from '@strata-ml/models';
import type { GraphData } from './data.js';
import type { HaloFeatures } from './input/InputFeatures.js';
import type { AdaQpOptions } from './modes/adaqp.js';
import type { DistDglOptions } from './modes/batches.js';
import type { BnsOptions } from './modes/bnsGcn.js';
import type { CobOptions } from './modes/cob.js';
import type { DistGnnOptions } from './modes/distgnn.js';
import type { FlxOptions } from './modes/flx.js';
import type { EasOptions } from './modes/flxEas.js';
import type { PipeGcnOptions } from './modes/pipegcn.js';
import { modes, type TrainMode, trainModes } from './modes/registry.js';
import type { SalientOptions } from './modes/salient.js';
import type { SnapshotTrainOptions } from './modes/snapshot.js';
import type { TrainEvent } from './report.js';

/** Options of {@link trainGnn}. */
export interface TrainOptions {
  /** The network; input width and classes come from the data. @defaultValue `{ model: 'gcn' }` */
  readonly model?: Omit<GnnSpec, 'inputWidth' | 'numClasses' | 'seed'>;
  /** Update rule and its rates. @defaultValue Adam with learning rate 0.01 */
  readonly optimizer?: OptimizerSpec;
  /** Passes over the training vertices. @defaultValue `200` */
  readonly epochs?: number;
  /** Seeds initial parameters, dropout and the partitioner. @defaultValue `1` */
  readonly seed?: number;
  /** Servers × devices, as a spec or shorthand such as `'2x4'`. @defaultValue `'1x1'` */
  readonly cluster?: ClusterSpec | string;
  /** Partitioner, or the world rank of each vertex, int32 `[n]`. @defaultValue `'fennel'` */
  readonly partition?: PartitionMethod | Int32Array;
  /** How often the streaming partitioners play their stream; more passes cut fewer edges. @defaultValue `10` */
  readonly partitionPasses?: number;
  /** @defaultValue `'full-graph'` */
  readonly mode?: TrainMode;
  /** Options of mode `flx`. */
  readonly flx?: FlxOptions;
  /** Options of mode `flx-eas`. */
  readonly eas?: EasOptions;
  /** Options of mode `cob`. */
  readonly cob?: CobOptions;
  /** Options of mode `bns-gcn`. */
  readonly bns?: BnsOptions;
  /** Options of mode `pipegcn`. */
  readonly pipegcn?: PipeGcnOptions;
  /** Options of mode `adaqp`. */
  readonly adaqp?: AdaQpOptions;
  /** Options of mode `distgnn-cdr`. */
  readonly distgnn?: DistGnnOptions;
  /** Options of modes `distdgl` and `salient++`. */
  readonly distdgl?: DistDglOptions;
  /** Options of mode `salient++`. */
  readonly salient?: SalientOptions;
  /** Options of mode `snapshot`. */
  readonly snapshot?: SnapshotTrainOptions;
  /** Where ranks run. @defaultValue `'threads'`; `'processes'` for several ranks on the engine `tensorflow` */
  readonly transport?: string;
  /** @defaultValue `'auto'` */
  readonly engine?: EngineName | 'auto';
  /** When halo rows of raw features travel: in every epoch as vanilla training does, or once. @defaultValue `'every-epoch'` */
  readonly haloFeatures?: HaloFeatures;
  /** Scaling of input rows. @defaultValue `'row'` for gcn and gat, as their papers do; `'none'` for sage and resSage */
  readonly featureNorm?: FeatureNorm;
  /** Aggregate central rows while halo rows travel. @defaultValue `true` */
  readonly overlap?: boolean;
  /** Gradient all-reduce. @defaultValue `'auto'` */
  readonly allReduce?: 'auto' | 'flat' | 'hierarchical';
  /** Bytes of one gradient bucket. @defaultValue `1 MiB` */
  readonly bucketBytes?: number;
  /** Start a bucket's all-reduce during the backward pass, as soon as its gradients are there. @defaultValue `true` */
  readonly overlapGradients?: boolean;
  /** Evaluate every so many epochs, and after the last. @defaultValue `10`, `1` below 10,000 vertices */
  readonly evalEvery?: number;
  /** Stop when validation accuracy has not risen for so many evaluations. @defaultValue never */
  readonly patience?: number;
  /** Train on the graph induced on training vertices; validate on train ∪ val, test on all. @defaultValue `false` */
  readonly inductive?: boolean;
  /** Train even if a device has no vertices. @defaultValue `false` */
  readonly allowEmptyParts?: boolean;
  /** Folder for checkpoints and the trained model. @defaultValue nothing is written */
  readonly checkpointDir?: string;
  /** Write a checkpoint every so many epochs, and at the end. @defaultValue `50` */
  readonly checkpointEvery?: number;
  /** Go on from the checkpoint in `checkpointDir`. @defaultValue `false` */
  readonly resume?: boolean;
  /** Record spans and return a Chrome trace. @defaultValue `false` */
  readonly trace?: boolean;
  /** Longest wait for another rank, in ms. @defaultValue `60000` */
  readonly timeoutMs?: number;
  /** Asks all ranks to stop after the current epoch. */
  readonly signal?: AbortSignal;
  /** Called on the caller's thread as the run goes on. */
  readonly onEvent?: (event: TrainEvent) => void;
}

/** {@link TrainOptions} with defaults filled in, plain data. */
export interface ResolvedTrainOptions {
  readonly model: Omit<GnnSpec, 'inputWidth' | 'numClasses' | 'seed'>;
  readonly optimizer: Required<OptimizerSpec>;
  readonly epochs: number;
  readonly seed: number;
  readonly cluster: ClusterSpec;
  readonly partition: PartitionMethod | Int32Array;
  readonly partitionPasses: number;
  readonly mode: TrainMode;
  /** Options of the mode, as its `resolve` gave them. */
  readonly modeOptions: unknown;
  readonly transport: string;
  readonly engine: EngineName | 'auto';
  readonly haloFeatures: HaloFeatures;
  readonly featureNorm: FeatureNorm;
  readonly overlap: boolean;
  readonly allReduce: 'auto' | 'flat' | 'hierarchical';
  readonly bucketBytes: number;
  readonly overlapGradients: boolean;
  readonly evalEvery: number;
  readonly patience: number;
  readonly inductive: boolean;
  readonly allowEmptyParts: boolean;
  readonly checkpointDir: string | undefined;
  readonly checkpointEvery: number;
  readonly resume: boolean;
  readonly trace: boolean;
  readonly timeoutMs: number;
}

/**
 * Checks options and fills in defaults.
 *
 * @param data - some defaults depend on it
 * @throws {@link OptionError} naming the first option out of range.
 */
export function resolveTrainOptions(
  options: TrainOptions,
  data: Pick<GraphData, 'graph' | 'numFeatures' | 'numClasses' | 'split'>,
): { readonly resolved: ResolvedTrainOptions; readonly spec: ResolvedGnnSpec } {
  const where = 'trainGnn';
  const { numVertices } = data.graph;
  const cluster = typeof options.cluster === 'object' ? options.cluster : parseCluster(options.cluster ?? '1x1');
  const model = options.model ?? { model: 'gcn' };
  const resolved: Omit<ResolvedTrainOptions, 'modeOptions'> = {
    model,
    optimizer: createOptimizer(options.optimizer).spec,
    epochs: options.epochs ?? 200,
    seed: options.seed ?? 1,
    cluster,
    partition: options.partition ?? 'fennel',
    partitionPasses: options.partitionPasses ?? 10,
    mode: options.mode ?? 'full-graph',
    transport: options.transport ?? defaultTransport(cluster, options.engine),
    engine: options.engine ?? 'auto',
    haloFeatures: options.haloFeatures ?? 'every-epoch',
    featureNorm: options.featureNorm ?? (model.model === 'gcn' || model.model === 'gat' ? 'row' : 'none'),
    overlap: options.overlap ?? true,
    allReduce: options.allReduce ?? 'auto',
    bucketBytes: options.bucketBytes ?? 1024 * 1024,
    overlapGradients: options.overlapGradients ?? true,
    evalEvery: options.evalEvery ?? (numVertices < 10_000 ? 1 : 10),
    patience: options.patience ?? Number.POSITIVE_INFINITY,
    inductive: options.inductive ?? false,
    allowEmptyParts: options.allowEmptyParts ?? false,
    checkpointDir: options.checkpointDir,
    checkpointEvery: options.checkpointEvery ?? 50,
    resume: options.resume ?? false,
    trace: options.trace ?? false,
    timeoutMs: options.timeoutMs ?? 60_000,
  };
  oneOf(where, 'mode', resolved.mode, trainModes);
  oneOf(where, 'engine', resolved.engine, ['auto', ...ENGINE_NAMES]);
  oneOf(where, 'haloFeatures', resolved.haloFeatures, ['every-epoch', 'once']);
  oneOf(where, 'featureNorm', resolved.featureNorm, featureNorms);
  oneOf(where, 'allReduce', resolved.allReduce, ['auto', 'flat', 'hierarchical']);
  if (typeof resolved.partition === 'string') oneOf(where, 'partition', resolved.partition, partitionMethods);
  for (const option of [
    'epochs',
    'partitionPasses',
    'bucketBytes',
    'evalEvery',
    'checkpointEvery',
    'timeoutMs',
  ] as const) {
    const got = resolved[option];
    if (!(Number.isSafeInteger(got) && got >= 1)) throw new OptionError(where, option, got, 'an integer ≥ 1');
  }
  if (!(resolved.patience >= 1)) throw new OptionError(where, 'patience', resolved.patience, 'an integer ≥ 1');
  if (!Number.isSafeInteger(resolved.seed)) throw new OptionError(where, 'seed', resolved.seed, 'an integer');
  if (resolved.resume && !resolved.checkpointDir) {
    throw new OptionError(
      where,
      'checkpointDir',
      undefined,
      'given when resume is true',
      'name the folder to resume from',
    );
  }
  const { numFeatures: inputWidth, numClasses, split } = data;
  const spec = resolveGnnSpec({ ...model, inputWidth, numClasses, seed: resolved.seed });
  const facts = { spec, cluster, numVertices, numTrain: split.train.length };
  return { resolved: { ...resolved, modeOptions: modes[resolved.mode].resolve(options, facts) }, spec };
}

function oneOf(where: string, option: string, got: string, names: readonly string[]): void {
  if (!names.includes(got)) throw new OptionError(where, option, got, `one of ${names.join(', ')}`);
}
