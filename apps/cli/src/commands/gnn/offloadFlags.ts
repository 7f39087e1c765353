/** Flags of `gnn train --offload`. */
import { parseBandwidth, parseBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { choice, integer } from '../../options.js';

/** Values of the flags that {@link addOffloadFlags} adds. */
export interface OffloadFlags {
  readonly offload?: string;
  readonly hostMemory?: number;
  readonly cachePolicy?: 'belady' | 'lru' | 'frequency' | 'none';
  readonly order?: 'ascending' | 'zigzag';
  readonly lookahead?: number;
  readonly fusedHead: boolean;
  readonly parts?: number;
  readonly io?: 'auto' | 'direct' | 'buffered';
  readonly storageBandwidth?: number;
}

/** Adds `--offload` and what belongs to it; `--data` is asked for only without it: the folder may hold the data already. */
export function addOffloadFlags(command: Command): Command {
  const data = command.options.find(({ long }) => long === '--data');
  if (data) data.mandatory = false;
  command.hook('preAction', () => {
    const given = command.opts<{ data?: string; offload?: string }>();
    if (given.data !== undefined || given.offload !== undefined) return;
    command.error("error: required option '--data <name>' not specified", {
      code: 'commander.missingMandatoryOptionValue',
    });
  });
  return command
    .option(
      '--offload <dir>',
      'train from a drive, exactly: a prepared graph (`offload prepare`), or where to prepare --data; ' +
        '--mode is then regather, snapshot, naive-swap or in-memory',
    )
    .option('--host-memory <size>', 'offload: budget of host memory (default: 1GiB)', (text: string) =>
      parseBytes(text, '--host-memory'),
    )
    .option(
      '--cache-policy <name>',
      'offload: belady, lru, frequency or none (default: belady)',
      choice('--cache-policy', ['belady', 'lru', 'frequency', 'none']),
    )
    .option(
      '--order <name>',
      'offload: ascending, or zigzag: every other pass backwards (default: zigzag)',
      choice('--order', ['ascending', 'zigzag']),
    )
    .option(
      '--lookahead <n>',
      'offload: partitions read ahead (default: 1)',
      integer('--lookahead', { min: 0, max: 64 }),
    )
    .option('--no-fused-head', 'offload: store and read class scores, as the paper does')
    .option(
      '--parts <n>',
      'offload: partitions to prepare --data in (default: the fewest that fit the budgets)',
      integer('--parts', { min: 1, max: 65_536 }),
    )
    .option(
      '--io <mode>',
      'offload: auto, direct, buffered (default: auto)',
      choice('--io', ['auto', 'direct', 'buffered']),
    )
    .option(
      '--storage-bandwidth <rate>',
      'offload: emulate a drive of this bandwidth, such as 500MB/s',
      (text: string) => parseBandwidth(text, '--storage-bandwidth'),
    );
}
