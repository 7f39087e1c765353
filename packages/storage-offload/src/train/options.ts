/** Options of the trainer, and their defaults. */
import { NO_TRACE, OptionError, type Trace } from '@strata-ml/core';
import type { GnnSpec, OptimizerSpec } from '@strata-ml/models';
import { type CachePolicyName, cachePolicies } from '../cache/CachePolicy.js';
import type { GraphStore } from '../store/GraphStore.js';
import { type PartitionOrder, partitionOrders } from './schedule.js';

/** Ways of training, all with the same result. */
export const offloadModes = ['regather', 'snapshot', 'naive-swap', 'in-memory'] as const;
/**
 * `regather` (GriNNder): activations on the drive, gathered again in backward. `snapshot` (HongTu): gathered inputs are
 * kept. `naive-swap`: one big buffer that the operating system pages. `in-memory`: the whole graph at once, ordinary
 * autograd.
 */
export type OffloadMode = (typeof offloadModes)[number];

/** Options of `OffloadTrainer.open`. */
export interface OffloadOptions {
  /** The network; widths are those of the store. */
  readonly model?: Omit<GnnSpec, 'inputWidth' | 'numClasses' | 'model'> & Partial<Pick<GnnSpec, 'model'>>;
  /** @defaultValue Adam at 0.01 */
  readonly optimizer?: OptimizerSpec;
  /** @defaultValue `'regather'` */
  readonly mode?: OffloadMode;
  /** Bytes of host memory for blocks and the tables of the store. @defaultValue `1 GiB` */
  readonly hostMemory?: number;
  /** What to give up when host memory is full; `none` keeps nothing between uses. @defaultValue `'belady'` */
  readonly cachePolicy?: CachePolicyName | 'none';
  /** Order of partitions in a pass. @defaultValue `'zigzag'` */
  readonly order?: PartitionOrder;
  /** Partitions to read ahead while one is computed; 0 overlaps nothing. @defaultValue `1` */
  readonly lookahead?: number;
  /** Compute the last layer and the loss in backward only; false moves the bytes of the paper. @defaultValue `true` */
  readonly fusedHead?: boolean;
  /**
   * GCN and SAGE: rows of a partition whose dense part is computed at once; fewer take less device memory.
   * @defaultValue what 2 MiB hold
   */
  readonly stripeRows?: number;
  /** Seeds the first parameters and dropout. @defaultValue `1` */
  readonly seed?: number;
  /** Records transfers, gathering and computing. @defaultValue nothing is recorded */
  readonly trace?: Trace;
}

/** {@link OffloadOptions} with every default filled in. */
export interface ResolvedOffloadOptions extends Required<Omit<OffloadOptions, 'model' | 'stripeRows'>> {
  readonly stripeRows: number | undefined;
  readonly model: Omit<GnnSpec, 'inputWidth' | 'numClasses'>;
}

/** Throws if the store was prepared for other networks. */
export function checkWeights({ meta }: GraphStore, { model }: ResolvedOffloadOptions): void {
  if (meta.weights === 'none' && (model.model === 'gcn' || model.model === 'custom')) {
    const remedy = "prepare the graph again with weights: 'gcn' (`strata offload prepare --model gcn`)";
    throw new OptionError(
      'OffloadTrainer',
      'model',
      model.model,
      'sage, resSage or gat on a store without weights',
      remedy,
    );
  }
}

/** Checks options and fills in defaults. @throws {@link OptionError} that names the first one out of range. */
export function resolveOffloadOptions(options: OffloadOptions): ResolvedOffloadOptions {
  const where = 'OffloadTrainer';
  const {
    mode = 'regather',
    hostMemory = 2 ** 30,
    cachePolicy = 'belady',
    order = 'zigzag',
    lookahead = 1,
    fusedHead = true,
    seed = 1,
    optimizer = {},
    trace = NO_TRACE,
    stripeRows,
  } = options;
  const policies = [...cachePolicies, 'none'];
  const known = (option: string, got: string, names: readonly string[]) => {
    if (!names.includes(got)) throw new OptionError(where, option, got, `one of ${names.join(', ')}`);
  };
  known('mode', mode, offloadModes);
  known('cachePolicy', cachePolicy, policies);
  known('order', order, partitionOrders);
  if (!(hostMemory > 0)) throw new OptionError(where, 'hostMemory', hostMemory, '> 0 bytes');
  if (stripeRows !== undefined && !(Number.isSafeInteger(stripeRows) && stripeRows >= 1)) {
    throw new OptionError(where, 'stripeRows', stripeRows, 'an integer ≥ 1');
  }
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'a whole number');
  if (!(Number.isSafeInteger(lookahead) && lookahead >= 0)) {
    throw new OptionError(where, 'lookahead', lookahead, 'a whole number ≥ 0');
  }
  const model = { model: 'gcn', seed, ...options.model } as const;
  return { mode, hostMemory, cachePolicy, order, lookahead, fusedHead, seed, optimizer, model, trace, stripeRows };
}
