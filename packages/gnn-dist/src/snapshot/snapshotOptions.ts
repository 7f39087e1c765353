/** Options of the snapshot sampler, checked and with defaults filled in. */
import { OptionError } from '@strata-ml/core';

/** Where neighbours are drawn from; see {@link SnapshotOptions.mode}. */
export const snapshotModes = ['fbl', 'fcr', 'otf', 'swap', 'lru', 'static'] as const;
/** One of {@link snapshotModes}. */
export type SnapshotMode = (typeof snapshotModes)[number];

/** What a static cache keeps. */
export const staticOrders = ['degree', 'inclusion'] as const;
/** One of {@link staticOrders}. */
export type StaticOrder = (typeof staticOrders)[number];

/** Options of {@link SnapshotSampler}. */
export interface SnapshotOptions {
  /** Neighbours drawn per vertex, by layer, the input layer first. */
  readonly fanouts: readonly number[];
  /**
   * `fbl`: from storage, no cache. `fcr`: from snapshots that are rebuilt every `period` calls. `otf`: from snapshots that are
   * refreshed in part. `swap`: from both, what is fresh replaces what was used. `lru`, `static`: whole lists of vertices
   * read last, of vertices chosen beforehand; they draw what `fbl` draws. @defaultValue `'fcr'`
   */
  readonly mode?: SnapshotMode;
  /** `otf`: refresh snapshots of all vertices, or those of the vertices a call samples. @defaultValue `'full'` */
  readonly refresh?: 'full' | 'partial';
  /** `otf`: draw from snapshots only, or `1 − fetchRate` of the neighbours from storage. @defaultValue `'full'` */
  readonly fetch?: 'full' | 'partial';
  /** One snapshot for all layers instead of one each. @defaultValue `false` */
  readonly shared?: boolean;
  /** Entries of a snapshot ÷ fan-out, ≥ 1, or `Infinity`. @defaultValue `2`; `1.5` for `otf` */
  readonly alpha?: number;
  /** Calls between refreshes, T ≥ 1. @defaultValue `20` */
  readonly period?: number;
  /** Share of a snapshot that a partial refresh replaces, γ in [0, 1]. @defaultValue `0.4` */
  readonly refreshRate?: number;
  /** Share of the neighbours that a partial fetch takes from the snapshot, φ in [0, 1]. @defaultValue `0.4` */
  readonly fetchRate?: number;
  /** Calls between partial fetches, ≥ 1. @defaultValue `3` with full refresh, else `1` */
  readonly fetchPeriod?: number;
  /** Vertices with at most so many in-neighbours keep their whole list in memory, θ ≥ 0. @defaultValue `0` */
  readonly degreeThreshold?: number;
  /** `lru`, `static`: bytes of lists to keep. */
  readonly budgetBytes?: number;
  /** `static`: prefer vertices of high degree, or those that batches of the seeds will most likely read. @defaultValue `'degree'` */
  readonly order?: StaticOrder;
  /** `static` with `inclusion`: vertices that batches are made of. @defaultValue all */
  readonly trainVertices?: Int32Array;
  /** `static` with `inclusion`: seeds of a call. @defaultValue `512` */
  readonly batchSize?: number;
  /**
   * Refresh on a thread of its own into a second copy, which takes the place of the first when it is ready. What is drawn then
   * depends on timing; without it, runs with equal seeds are equal. For `fcr`, and `otf` with full refresh.
   * @defaultValue `false`
   */
  readonly background?: boolean;
  /** Remember which neighbours were seen, for `coverage` in the statistics; takes memory per edge. @defaultValue `false` */
  readonly trackCoverage?: boolean;
  /** @defaultValue `1` */
  readonly seed?: number;
}

/** {@link SnapshotOptions} with defaults filled in, plain data. */
export interface ResolvedSnapshotOptions extends Required<Omit<SnapshotOptions, 'trainVertices'>> {
  readonly trainVertices: Int32Array | undefined;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link OptionError} naming the first option out of range.
 */
export function resolveSnapshotOptions(options: SnapshotOptions, where = 'SnapshotSampler'): ResolvedSnapshotOptions {
  const { mode = 'fcr', refresh = 'full', fetch = 'full', order = 'degree', fanouts } = options;
  const isOtf = mode === 'otf';
  const resolved: ResolvedSnapshotOptions = {
    fanouts: [...fanouts],
    mode,
    refresh,
    fetch,
    order,
    shared: options.shared ?? false,
    alpha: options.alpha ?? (isOtf ? 1.5 : 2),
    period: options.period ?? 20,
    refreshRate: options.refreshRate ?? 0.4,
    fetchRate: options.fetchRate ?? 0.4,
    fetchPeriod: options.fetchPeriod ?? (isOtf && refresh === 'full' ? 3 : 1),
    degreeThreshold: options.degreeThreshold ?? 0,
    budgetBytes: options.budgetBytes ?? 0,
    trainVertices: options.trainVertices,
    batchSize: options.batchSize ?? 512,
    background: options.background ?? false,
    trackCoverage: options.trackCoverage ?? false,
    seed: options.seed ?? 1,
  };
  const check = (option: keyof ResolvedSnapshotOptions, isRight: boolean, requirement: string) => {
    if (!isRight) throw new OptionError(where, option, resolved[option], requirement);
  };
  const isCount = (n: number) => Number.isSafeInteger(n) && n >= 1;
  check('fanouts', fanouts.length > 0 && fanouts.every(isCount), 'integers ≥ 1, one per layer');
  check('mode', snapshotModes.includes(mode), `one of ${snapshotModes.join(', ')}`);
  check('refresh', ['full', 'partial'].includes(refresh), 'full or partial');
  check('fetch', ['full', 'partial'].includes(fetch), 'full or partial');
  check('order', staticOrders.includes(order), `one of ${staticOrders.join(', ')}`);
  check('alpha', resolved.alpha >= 1, '≥ 1');
  for (const option of ['period', 'fetchPeriod', 'batchSize'] as const) {
    check(option, isCount(resolved[option]), 'an integer ≥ 1');
  }
  for (const option of ['refreshRate', 'fetchRate'] as const) {
    check(option, resolved[option] >= 0 && resolved[option] <= 1, 'in [0, 1]');
  }
  for (const option of ['degreeThreshold', 'budgetBytes'] as const) check(option, resolved[option] >= 0, '≥ 0');
  check('seed', Number.isSafeInteger(resolved.seed), 'an integer');
  const canRefreshBehind = mode === 'fcr' || (isOtf && refresh === 'full');
  check('background', !resolved.background || canRefreshBehind, 'false unless fcr, or otf with full refresh');
  return resolved;
}
