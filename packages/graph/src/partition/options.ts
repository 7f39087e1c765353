/** Options of the partitioners, and their check. */
import { OptionError } from '@strata-ml/core';

/** Partitioners of `partition`. */
export const partitionMethods = [
  'random',
  'hash',
  'range',
  'ldg',
  'fennel',
  'frozen',
  'grem',
  'multilevel',
  'metis',
  'switching',
  'spinner',
  '2ps-l',
] as const;
/** One of {@link partitionMethods}. */
export type PartitionMethod = (typeof partitionMethods)[number];
/** What to minimise: edges between parts, or the rows that they exchange. */
export const partitionObjectives = ['cut', 'vol'] as const;
/** One of {@link partitionObjectives}. */
export type PartitionObjective = (typeof partitionObjectives)[number];
/** In which order the streaming partitioners see the vertices. */
export const streamOrders = ['random', 'natural', 'bfs'] as const;
/** One of {@link streamOrders}. */
export type StreamOrder = (typeof streamOrders)[number];

/** How far a partitioner has come. */
export interface PartitionProgress {
  /** Vertices placed so far, over all passes; multilevel: the same share of the work. */
  readonly placed: number;
  /** Vertices times passes. */
  readonly total: number;
}

/** Options of `partition` and `partitionCluster`. */
export interface PartitionOptions {
  /** @defaultValue `'fennel'` */
  readonly method?: PartitionMethod;
  /** Seeds everything random. @defaultValue `1` */
  readonly seed?: number;
  /**
   * Largest part over ideal size, ≥ 1: Fennel's ν, LDG's 1 + ε, the capacity of `switching`. No part exceeds max(⌈share⌉, ⌊balance · share⌋).
   * @defaultValue `1.03` for `multilevel`, `metis`, `grem` and `frozen`, else `1.1`
   */
  readonly balance?: number;
  /** LDG and Fennel. @defaultValue `'random'` */
  readonly order?: StreamOrder;
  /** LDG, Fennel and GREM: how often the stream is played; later passes move vertices one at a time. @defaultValue `1` */
  readonly passes?: number;
  /** Multilevel and METIS. @defaultValue `'cut'` */
  readonly objective?: PartitionObjective;
  /**
   * Multilevel: further weights that parts shall share evenly, within `balance` where that is possible, such as degrees
   * or 1 for training vertices. int32 `[n]` each, ≥ 0. @defaultValue none
   */
  readonly weights?: readonly Int32Array[];
  /** GREM: λ, what a score keeps when its vertex is met again, in [0, 1]. @defaultValue `0.9` */
  readonly decay?: number;
  /** GREM: edges of a chunk. @defaultValue max(2.5 n, m / 16) */
  readonly chunkEdges?: number;
  /** Fennel's exponent γ > 1. @defaultValue `1.5` */
  readonly gamma?: number;
  /** Accept more parts than vertices, and parts that stay empty. @defaultValue `false` */
  readonly allowEmpty?: boolean;
  /** Looked at before the first vertex and after each call of `onProgress`. */
  readonly signal?: AbortSignal;
  /** Called about every 65,536 vertices by LDG and Fennel, after each chunk, level or iteration by the others. */
  readonly onProgress?: (progress: PartitionProgress) => void;
}

/** {@link PartitionOptions} with defaults. */
export type ResolvedPartitionOptions = Required<Omit<PartitionOptions, 'signal' | 'onProgress' | 'chunkEdges'>> &
  Pick<PartitionOptions, 'signal' | 'onProgress' | 'chunkEdges'>;

/** Methods whose papers and programs balance within 3 %. */
const tightMethods: ReadonlySet<PartitionMethod> = new Set(['frozen', 'grem', 'multilevel', 'metis'] as const);

/** Fills in defaults. @throws {@link OptionError} naming the first option out of range. */
export function resolvePartitionOptions(where: string, options: PartitionOptions): ResolvedPartitionOptions {
  const resolved: ResolvedPartitionOptions = {
    method: 'fennel',
    seed: 1,
    balance: tightMethods.has(options.method ?? 'fennel') ? 1.03 : 1.1,
    order: 'random',
    passes: 1,
    gamma: 1.5,
    objective: 'cut',
    weights: [],
    decay: 0.9,
    allowEmpty: false,
    ...options,
  };
  const { method, seed, balance, order, passes, gamma, objective, decay, chunkEdges, weights } = resolved;
  if (!partitionMethods.includes(method)) {
    throw new OptionError(where, 'method', method, `one of ${partitionMethods.join(', ')}`);
  }
  if (!streamOrders.includes(order)) throw new OptionError(where, 'order', order, `one of ${streamOrders.join(', ')}`);
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'an integer');
  if (!(balance >= 1 && Number.isFinite(balance))) throw new OptionError(where, 'balance', balance, 'a number ≥ 1');
  if (!(Number.isInteger(passes) && passes >= 1)) throw new OptionError(where, 'passes', passes, 'an integer ≥ 1');
  if (!(gamma > 1 && Number.isFinite(gamma))) throw new OptionError(where, 'gamma', gamma, 'a number > 1');
  if (!partitionObjectives.includes(objective)) {
    throw new OptionError(where, 'objective', objective, `one of ${partitionObjectives.join(', ')}`);
  }
  if (!(decay >= 0 && decay <= 1)) throw new OptionError(where, 'decay', decay, 'in [0, 1]');
  if (chunkEdges !== undefined && !(Number.isInteger(chunkEdges) && chunkEdges >= 1)) {
    throw new OptionError(where, 'chunkEdges', chunkEdges, 'an integer ≥ 1');
  }
  if (weights.length > 0 && method !== 'multilevel') {
    throw new OptionError(
      where,
      'weights',
      `${weights.length} lists for ${method}`,
      "given with method 'multilevel' only",
    );
  }
  return resolved;
}
