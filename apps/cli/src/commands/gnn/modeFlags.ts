/** Flags of the training modes of `gnn train` and `gnn plan`, and the trainer's options that they stand for. */

import { OptionError } from '@strata-ml/core';
import type {
  AdaQpOptions,
  CobOptions,
  DistGnnOptions,
  EasOptions,
  FlxOptions,
  PipeGcnOptions,
  TrainOptions,
} from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { choice, integer, number } from '../../options.js';
import { addSnapshotFlags, type SnapshotFlags, snapshotOptions } from './snapshotFlags.js';

/** Values of the flags that {@link addModeFlags} adds. */
export interface ModeFlags extends SnapshotFlags {
  readonly mode: NonNullable<TrainOptions['mode']>;
  readonly preloadHops?: number | 'auto';
  readonly segments?: readonly number[];
  readonly mask?: NonNullable<FlxOptions['mask']>;
  readonly easHops?: number;
  readonly easFanout?: number;
  readonly easSelect?: NonNullable<EasOptions['select']>;
  readonly resampleEvery?: number;
  readonly sampler?: NonNullable<CobOptions['sampler']>;
  readonly itersPerEpoch?: number;
  readonly fanout?: number;
  readonly seeds?: NonNullable<CobOptions['seeds']>;
  readonly boundaryRate?: number;
  readonly smooth?: NonNullable<PipeGcnOptions['smooth']>;
  readonly bits?: NonNullable<AdaQpOptions['bits']>;
  readonly delay?: NonNullable<DistGnnOptions['delay']>;
  readonly batchSize?: number;
  readonly fanouts?: readonly number[];
  readonly cacheShare?: number;
}

/** Adds `--mode` and the flags of its options. */
export function addModeFlags(command: Command): Command {
  command.option(
    '--mode <name>',
    'full-graph (exact), flx (exact, servers keep copies), flx-eas (few copies), cob (mini-batches), or a baseline',
    'full-graph',
  );
  return addModeOptionFlags(command);
}

/** Adds the flags of the modes' options; each mode reads its own. */
export function addModeOptionFlags(command: Command): Command {
  return addSnapshotFlags(addSamplingFlags(command))
    .option('--preload-hops <k>', 'flx: layers that run on copies, or auto (default: auto)', readHops)
    .option('--segments <list>', 'flx: lengths of segments that servers exchange rows between, such as 2,1', readList)
    .option(
      '--mask <how>',
      'flx, flx-eas: prefix computes rows that count, zero all',
      choice('--mask', ['prefix', 'zero']),
    )
    .option(
      '--resample-every <n>',
      'flx-eas: epochs between samples (default: never)',
      integer('--resample-every', { min: 1 }),
    )
    .option(
      '--sampler <name>',
      'cob: sage, full, eas, saint-node or cluster (default: sage)',
      choice('--sampler', ['sage', 'full', 'eas', 'saint-node', 'cluster']),
    )
    .option(
      '--iters-per-epoch <n>',
      'cob: optimiser steps per epoch (default: 1,024 training vertices per device and step)',
      integer('--iters-per-epoch', { min: 1 }),
    )
    .option(
      '--boundary-rate <p>',
      'bns-gcn: share of halo rows read in an epoch (default: 0.1)',
      number('--boundary-rate', { min: 0, max: 1 }),
    )
    .option(
      '--smooth <what>',
      'pipegcn: none, F (rows), G (gradients) or GF (default: none)',
      choice('--smooth', ['none', 'F', 'G', 'GF']),
    )
    .option('--bits <b>', 'adaqp: bits of halo rows, 2, 4 or 8, or adaptive (default: adaptive)', readBits)
    .option('--delay <r>', 'distgnn-cdr: epochs until partial sums are used, or never (default: 5)', readDelay)
    .option(
      '--batch-size <n>',
      'distdgl, salient++, snapshot, disaggregated: training vertices per device and step (default: 1024; snapshot 512)',
      integer('--batch-size', { min: 1 }),
    )
    .option(
      '--fanouts <list>',
      'distdgl, salient++, snapshot, disaggregated: neighbours drawn per vertex in each layer, first layer first (default: 10 in each)',
      readFanouts,
    )
    .option(
      '--cache-share <a>',
      'salient++: cached rows per own row (default: 0.2)',
      number('--cache-share', { min: 0 }),
    )
    .option(
      '--seeds <how>',
      'global or local training vertices (default: cob, disaggregated global; distdgl, salient++ local)',
      choice('--seeds', ['global', 'local']),
    );
}

/** Adds the flags that `gnn plan` reads too: what the sampled alternatives sample. */
export function addSamplingFlags(command: Command): Command {
  return command
    .option(
      '--eas-hops <h>',
      'sampled copies: how far from own vertices (default: 1)',
      integer('--eas-hops', { min: 0 }),
    )
    .option(
      '--eas-fanout <f>',
      'sampled copies: remote vertices per vertex (default: 15)',
      integer('--eas-fanout', { min: 0 }),
    )
    .option(
      '--eas-select <how>',
      'sampled copies: gain, degree or uniform (default: gain)',
      choice('--eas-select', ['gain', 'degree', 'uniform']),
    )
    .option(
      '--fanout <n>',
      'cob: neighbours drawn per vertex and layer (default: 25)',
      integer('--fanout', { min: 1 }),
    );
}

/** Translates the flags; what was not given is left to the trainer's defaults. */
export function modeOptions(
  flags: Partial<ModeFlags>,
): Pick<
  TrainOptions,
  'mode' | 'flx' | 'eas' | 'cob' | 'bns' | 'pipegcn' | 'adaqp' | 'distgnn' | 'distdgl' | 'salient' | 'snapshot'
> {
  const { preloadHops, segments, mask, resampleEvery, sampler, itersPerEpoch, fanout, seeds, boundaryRate, smooth } =
    flags;
  const { bits, delay, batchSize, fanouts, cacheShare } = flags;
  const eas = given({ hops: flags.easHops, fanout: flags.easFanout, select: flags.easSelect });
  return {
    ...given({ mode: flags.mode }),
    flx: given({ preloadHops, segments, mask }),
    eas: { ...eas, ...given({ resampleEvery, mask }) },
    cob: { ...given({ sampler, itersPerEpoch, fanout, seeds }), eas },
    bns: given({ boundaryRate }),
    pipegcn: given({ smooth }),
    adaqp: given({ bits }),
    distgnn: given({ delay }),
    distdgl: given({ batchSize, fanouts, seeds }),
    salient: given({ cacheShare }),
    snapshot: { ...snapshotOptions(flags), ...given({ batchSize, fanouts }) },
  };
}

/** Without the entries that are undefined. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, v]) => v !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}

function readHops(text: string): number | 'auto' {
  return text === 'auto' ? 'auto' : integer('--preload-hops', { min: 0 })(text);
}

function readBits(text: string): 2 | 4 | 8 | 'adaptive' {
  const name = choice('--bits', ['2', '4', '8', 'adaptive'])(text);
  return name === 'adaptive' ? name : (Number(name) as 2 | 4 | 8);
}

function readDelay(text: string): number | 'never' {
  return text === 'never' ? 'never' : integer('--delay', { min: 1 })(text);
}

function readFanouts(text: string): number[] {
  return text.split(',').map(integer('--fanouts', { min: 1 }));
}

function readList(text: string): number[] {
  const list = text.split(',').map(integer('--segments', { min: 1 }));
  if (list.length === 0) throw new OptionError('--segments', 'value', text, 'whole numbers with commas between');
  return list;
}
