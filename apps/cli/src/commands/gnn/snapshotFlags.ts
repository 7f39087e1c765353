/** Flags of mode `snapshot`: how neighbours are kept and refreshed. */
import { parseBytes } from '@strata-ml/core';
import type { SnapshotTrainOptions } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { choice, integer, number } from '../../options.js';

/** Values of the flags that {@link addSnapshotFlags} adds. */
export interface SnapshotFlags {
  readonly snapshot?: NonNullable<SnapshotTrainOptions['mode']>;
  readonly snapshotRefresh?: 'full' | 'partial';
  readonly snapshotFetch?: 'full' | 'partial';
  readonly snapshotShared?: boolean;
  readonly snapshotAlpha?: number;
  readonly snapshotPeriod?: number;
  readonly snapshotRefreshRate?: number;
  readonly snapshotFetchRate?: number;
  readonly snapshotThreshold?: number;
  readonly snapshotBudget?: string;
  readonly snapshotBackground?: boolean;
  readonly storage?: string;
}

/** Adds them. */
export function addSnapshotFlags(command: Command): Command {
  const part = ['full', 'partial'];
  const share = { min: 0, max: 1 };
  return command
    .option(
      '--snapshot <how>',
      'snapshot: fbl, fcr, otf, swap, lru or static (default: fcr)',
      choice('--snapshot', ['fbl', 'fcr', 'otf', 'swap', 'lru', 'static']),
    )
    .option('--snapshot-refresh <scope>', 'otf: full or partial (default: full)', choice('--snapshot-refresh', part))
    .option('--snapshot-fetch <source>', 'otf: full or partial (default: full)', choice('--snapshot-fetch', part))
    .option('--snapshot-shared', 'one snapshot for all layers')
    .option(
      '--snapshot-alpha <a>',
      'entries of a snapshot per drawn neighbour (default: 2; otf 1.5)',
      number('--snapshot-alpha', { min: 1 }),
    )
    .option(
      '--snapshot-period <t>',
      'batches between refreshes (default: 20)',
      integer('--snapshot-period', { min: 1 }),
    )
    .option(
      '--snapshot-refresh-rate <g>',
      'share that a partial refresh replaces (default: 0.4)',
      number('--snapshot-refresh-rate', share),
    )
    .option(
      '--snapshot-fetch-rate <p>',
      'share that a partial fetch takes from the snapshot (default: 0.4)',
      number('--snapshot-fetch-rate', share),
    )
    .option(
      '--snapshot-threshold <d>',
      'vertices of at most this in-degree keep their lists (default: 0)',
      integer('--snapshot-threshold', { min: 0 }),
    )
    .option('--snapshot-budget <size>', 'lru, static: memory for lists, such as 64MB')
    .option('--snapshot-background', 'refresh on a thread of its own')
    .option('--storage <dir>', 'snapshot: folder on a local drive for the neighbour lists (default: memory)');
}

/** Translates the flags; what was not given is left out. */
export function snapshotOptions(flags: SnapshotFlags): SnapshotTrainOptions {
  const { snapshotBudget } = flags;
  const values = {
    mode: flags.snapshot,
    refresh: flags.snapshotRefresh,
    fetch: flags.snapshotFetch,
    shared: flags.snapshotShared,
    alpha: flags.snapshotAlpha,
    period: flags.snapshotPeriod,
    refreshRate: flags.snapshotRefreshRate,
    fetchRate: flags.snapshotFetchRate,
    degreeThreshold: flags.snapshotThreshold,
    budgetBytes: snapshotBudget === undefined ? undefined : parseBytes(snapshotBudget, '--snapshot-budget'),
    background: flags.snapshotBackground,
    storageDir: flags.storage,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
