/** Flags of disaggregated training, and its options that they stand for. */
import type { DisaggregatedOptions, Layout } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { UsageError } from '../../errors.js';
import { choice, integer } from '../../options.js';
import { given } from './modeFlags.js';
import { type TrainFlags, trainOptions } from './trainFlags.js';

/** Values of the flags that {@link addPipelineFlags} adds. */
export interface PipelineFlags {
  readonly batchWorkers?: number;
  readonly computeWorkers?: number;
  readonly sync?: NonNullable<DisaggregatedOptions['sync']>;
  readonly onWorkerLoss?: NonNullable<DisaggregatedOptions['onWorkerLoss']>;
  readonly queue?: number;
}

/** Adds them. */
export function addPipelineFlags(command: Command): Command {
  return command
    .option(
      '--batch-workers <n>',
      'disaggregated: threads that prepare batches (default: 1)',
      integer('--batch-workers', { min: 1 }),
    )
    .option(
      '--compute-workers <n>',
      'disaggregated: threads that train (default: the devices of --cluster)',
      integer('--compute-workers', { min: 1 }),
    )
    .option(
      '--sync <how>',
      'disaggregated: sync-grads, sync-model, async-grads, async-model or none (default: sync-model)',
      choice('--sync', ['sync-grads', 'sync-model', 'async-grads', 'async-model', 'none']),
    )
    .option(
      '--on-worker-loss <what>',
      'disaggregated: requeue what a lost batch worker leaves, or fail (default: requeue)',
      choice('--on-worker-loss', ['requeue', 'fail']),
    )
    .option(
      '--queue <n>',
      'disaggregated: batches in a queue between two workers (default: 4)',
      integer('--queue', { min: 1 }),
    );
}

/** True for the modes that `trainDisaggregated` runs. */
export function isPipeline(mode: string): mode is Layout {
  return mode === 'disaggregated' || mode === 'aggregated';
}

/** Translates the flags. */
export function pipelineOptions(flags: TrainFlags, layout: Layout): DisaggregatedOptions {
  const refused = (['checkpoint', 'resume', 'trace'] as const).find((flag) => flags[flag] !== undefined);
  if (refused) throw new UsageError(`--${refused} does not go with --mode ${layout}`, 'leave it out');
  const { model, optimizer, epochs, seed, engine, featureNorm, evalEvery, patience, inductive, timeoutMs } =
    trainOptions(flags);
  const { batchWorkers, computeWorkers, sync, onWorkerLoss, queue, batchSize, fanouts, partitionPasses } = flags;
  const seeds = flags.seeds === undefined ? undefined : flags.seeds === 'local' ? 'owned' : 'dealt';
  return {
    ...given({ model, optimizer, epochs, seed, engine, featureNorm, evalEvery, patience, inductive, timeoutMs }),
    ...given({ batchWorkers, computeWorkers, sync, onWorkerLoss, queue, batchSize, fanouts, seeds, partitionPasses }),
    layout,
  } as DisaggregatedOptions;
}
