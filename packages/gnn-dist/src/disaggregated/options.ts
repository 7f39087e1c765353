/** Options of disaggregated training, checked and with defaults filled in. */
import { type ClusterSpec, OptionError, parseCluster, worldSizeOf } from '@strata-ml/core';
import type { ResolvedGnnSpec } from '@strata-ml/models';
import type { GraphData } from '../data.js';
import { type ResolvedTrainOptions, resolveTrainOptions, type TrainOptions } from '../options.js';
import type { DisaggregatedEvent } from './report.js';

/** How compute workers keep their models together. */
export const syncKinds = ['sync-grads', 'sync-model', 'async-grads', 'async-model', 'none'] as const;
/** One of {@link syncKinds}. */
export type SyncKind = (typeof syncKinds)[number];

/** Where batches are prepared: on workers of their own, or on each worker that trains. */
export const layouts = ['disaggregated', 'aggregated'] as const;
/** One of {@link layouts}. */
export type Layout = (typeof layouts)[number];

/** What happens to the batches of a batch worker that is lost. */
export const lossPolicies = ['requeue', 'fail'] as const;
/** One of {@link lossPolicies}. */
export type LossPolicy = (typeof lossPolicies)[number];

/** Options of {@link trainDisaggregated}; those it shares with `trainGnn` mean the same. */
export interface DisaggregatedOptions
  extends Pick<
    TrainOptions,
    | 'model'
    | 'optimizer'
    | 'epochs'
    | 'seed'
    | 'engine'
    | 'featureNorm'
    | 'evalEvery'
    | 'patience'
    | 'inductive'
    | 'timeoutMs'
    | 'signal'
    | 'partitionPasses'
  > {
  /** Threads that draw neighbours and gather features. @defaultValue `1` */
  readonly batchWorkers?: number;
  /** Threads that train. @defaultValue `1` */
  readonly computeWorkers?: number;
  /** Where compute workers are and what links them. @defaultValue one server with `computeWorkers` devices */
  readonly cluster?: ClusterSpec | string;
  /** `'aggregated'`: as many threads, each prepares and trains its own batches. @defaultValue `'disaggregated'` */
  readonly layout?: Layout;
  /** Compute workers that each batch worker feeds, in turn. @defaultValue all, for each */
  readonly children?: readonly (readonly number[])[];
  /**
   * `sync-grads`: gradients are summed in every step. `sync-model`: each steps alone, then parameters and optimiser states
   * are averaged. `async-grads`: gradients go into one shared model as they come. `async-model`: models are drawn towards
   * a shared one. `none`: nothing until the epoch ends.
   *
   * @defaultValue `'sync-model'`
   */
  readonly sync?: SyncKind;
  /** @defaultValue `'requeue'`: others prepare what is left; `'fail'` ends the run after the epoch. */
  readonly onWorkerLoss?: LossPolicy;
  /** Training vertices per batch. @defaultValue `1024` */
  readonly batchSize?: number;
  /** In-neighbours drawn per vertex, in all layers or by layer, the input layer first. @defaultValue `10` */
  readonly fanouts?: number | readonly number[];
  /** `'dealt'`: batches of all training vertices; `'owned'`: each batch worker's of its own part. @defaultValue `'dealt'` */
  readonly seeds?: 'dealt' | 'owned';
  /** How vertices are spread over batch workers: a method, or the batch worker of each vertex. @defaultValue `'fennel'` */
  readonly partition?: TrainOptions['partition'];
  /** Messages in a queue, at most. @defaultValue `4` */
  readonly queue?: number;
  /** Messages of a batch worker that are not trained yet, at most. @defaultValue `16` */
  readonly inFlight?: number;
  /** Price of a worker per hour, in any currency; the report then tells what an epoch costs. */
  readonly prices?: { readonly batchWorker: number; readonly computeWorker: number };
  /** Called on the caller's thread as the run goes on. */
  readonly onEvent?: (event: DisaggregatedEvent) => void;
}

/** {@link DisaggregatedOptions} with defaults, plain data. */
export interface ResolvedDisaggregated {
  /** 0 in the aggregated layout. */
  readonly batchWorkers: number;
  readonly computeWorkers: number;
  readonly layout: Layout;
  readonly children: readonly (readonly number[])[];
  readonly sync: SyncKind;
  readonly onWorkerLoss: LossPolicy;
  readonly batchSize: number;
  readonly fanouts: readonly number[];
  readonly seeds: 'dealt' | 'owned';
  readonly queue: number;
  readonly inFlight: number;
  /** What the parts that all ways of training share are told. */
  readonly run: ResolvedTrainOptions;
  readonly spec: ResolvedGnnSpec;
}

const where = 'trainDisaggregated';

/** @throws {@link OptionError} naming the first option out of range. */
export function resolveDisaggregated(options: DisaggregatedOptions, data: GraphData): ResolvedDisaggregated {
  const { batchWorkers = 1, computeWorkers: asked = 1, batchSize = 1024, queue = 4, inFlight = 16 } = options;
  const { layout = 'disaggregated', sync = 'sync-model', onWorkerLoss = 'requeue', seeds = 'dealt' } = options;
  for (const [option, got] of Object.entries({ batchWorkers, computeWorkers: asked, batchSize, queue, inFlight })) {
    if (!(Number.isSafeInteger(got) && got >= 1)) throw new OptionError(where, option, got, 'an integer ≥ 1');
  }
  oneOf('layout', layout, layouts);
  oneOf('sync', sync, syncKinds);
  oneOf('onWorkerLoss', onWorkerLoss, lossPolicies);
  oneOf('seeds', seeds, ['dealt', 'owned']);
  const isApart = layout === 'disaggregated';
  const own = options.cluster ?? `1x${isApart ? asked : asked + batchWorkers}`;
  const cluster = typeof own === 'object' ? own : parseCluster(own);
  const computeWorkers = worldSizeOf(cluster);
  if (options.cluster !== undefined && options.computeWorkers !== undefined && isApart && computeWorkers !== asked) {
    throw new OptionError(where, 'computeWorkers', asked, `${computeWorkers}, the devices of the cluster`);
  }
  const { model, optimizer, epochs, seed, engine, featureNorm, evalEvery, patience, inductive, timeoutMs } = options;
  const given = { model, optimizer, epochs, seed, engine, featureNorm, evalEvery, patience, inductive, timeoutMs };
  const set = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const { resolved: run, spec } = resolveTrainOptions({ ...set, cluster, transport: 'threads' }, data);
  if (spec.model === 'custom') {
    throw new OptionError(where, 'model', 'custom', 'gcn, sage, gat or resSage', 'train own layers with trainGnn');
  }
  const { fanouts = 10 } = options;
  const list = typeof fanouts === 'number' ? new Array<number>(spec.layers).fill(fanouts) : fanouts;
  if (list.length !== spec.layers || list.some((f) => !(Number.isInteger(f) && f >= 1))) {
    throw new OptionError(where, 'fanouts', fanouts, `an integer ≥ 1, or one per layer (${spec.layers})`);
  }
  const all = Array.from({ length: computeWorkers }, (_, rank) => rank);
  // In the aggregated layout every worker feeds itself.
  const makers = isApart ? batchWorkers : computeWorkers;
  const children = isApart
    ? (options.children ?? Array.from({ length: makers }, () => all))
    : all.map((rank) => [rank]);
  checkChildren(children, makers, computeWorkers);
  return {
    batchWorkers: isApart ? batchWorkers : 0,
    computeWorkers,
    layout,
    children,
    sync,
    onWorkerLoss,
    batchSize,
    fanouts: list,
    seeds,
    queue,
    inFlight,
    run,
    spec,
  };
}

function checkChildren(children: readonly (readonly number[])[], makers: number, computeWorkers: number): void {
  if (children.length !== makers) {
    throw new OptionError(where, 'children', children.length, `${makers} lists, one per batch worker`);
  }
  const isWorker = (rank: number) => Number.isInteger(rank) && rank >= 0 && rank < computeWorkers;
  const wrong = children.findIndex((list) => list.length === 0 || !list.every(isWorker));
  if (wrong >= 0) {
    const want = `at least one of 0 … ${computeWorkers - 1}, the compute workers`;
    throw new OptionError(where, `children of batch worker ${wrong}`, children[wrong], want);
  }
}

function oneOf(option: string, got: string, names: readonly string[]): void {
  if (!names.includes(got)) throw new OptionError(where, option, got, `one of ${names.join(', ')}`);
}
