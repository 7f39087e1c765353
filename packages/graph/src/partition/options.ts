/** Options of the partitioners, and their check. */
import { OptionError } from '@strata-ml/core';

/** Partitioners of `partition`. */
export const partitionMethods = ['random', 'hash', 'range', 'ldg', 'fennel'] as const;
/** One of {@link partitionMethods}. */
export type PartitionMethod = (typeof partitionMethods)[number];
/** In which order the streaming partitioners see the vertices. */
export const streamOrders = ['random', 'natural', 'bfs'] as const;
/** One of {@link streamOrders}. */
export type StreamOrder = (typeof streamOrders)[number];

/** How far a partitioner has come. */
export interface PartitionProgress {
  /** Vertices placed so far, over all passes. */
  readonly placed: number;
  /** Vertices times passes. */
  readonly total: number;
}

/** Options of `partition` and `partitionCluster`. */
export interface PartitionOptions {
  /** @defaultValue `'fennel'` */
  readonly method?: PartitionMethod;
  /** Seeds `random` and the stream orders `random` and `bfs`. @defaultValue `1` */
  readonly seed?: number;
  /** Largest part over ideal size, ≥ 1: Fennel's ν, LDG's 1 + ε. No part exceeds max(⌈share⌉, ⌊balance · share⌋). @defaultValue `1.1` */
  readonly balance?: number;
  /** LDG and Fennel. @defaultValue `'random'` */
  readonly order?: StreamOrder;
  /** LDG and Fennel: how often the stream is played; later passes move vertices one at a time. @defaultValue `1` */
  readonly passes?: number;
  /** Fennel's exponent γ > 1. @defaultValue `1.5` */
  readonly gamma?: number;
  /** Accept more parts than vertices, and parts that stay empty. @defaultValue `false` */
  readonly allowEmpty?: boolean;
  /** Looked at before the first vertex and after each call of `onProgress`. */
  readonly signal?: AbortSignal;
  /** Called about every 65,536 vertices by LDG and Fennel. */
  readonly onProgress?: (progress: PartitionProgress) => void;
}

/** {@link PartitionOptions} with defaults. */
export type ResolvedPartitionOptions = Required<Omit<PartitionOptions, 'signal' | 'onProgress'>> &
  Pick<PartitionOptions, 'signal' | 'onProgress'>;

/** Fills in defaults. @throws {@link OptionError} naming the first option out of range. */
export function resolvePartitionOptions(where: string, options: PartitionOptions): ResolvedPartitionOptions {
  const resolved: ResolvedPartitionOptions = {
    method: 'fennel',
    seed: 1,
    balance: 1.1,
    order: 'random',
    passes: 1,
    gamma: 1.5,
    allowEmpty: false,
    ...options,
  };
  const { method, seed, balance, order, passes, gamma } = resolved;
  if (!partitionMethods.includes(method)) {
    throw new OptionError(where, 'method', method, `one of ${partitionMethods.join(', ')}`);
  }
  if (!streamOrders.includes(order)) throw new OptionError(where, 'order', order, `one of ${streamOrders.join(', ')}`);
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'an integer');
  if (!(balance >= 1 && Number.isFinite(balance))) throw new OptionError(where, 'balance', balance, 'a number ≥ 1');
  if (!(Number.isInteger(passes) && passes >= 1)) throw new OptionError(where, 'passes', passes, 'an integer ≥ 1');
  if (!(gamma > 1 && Number.isFinite(gamma))) throw new OptionError(where, 'gamma', gamma, 'a number > 1');
  return resolved;
}
