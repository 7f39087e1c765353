/** Makes a trainer inside a rank. */
import type { RankContext } from '@strata-ml/core';
import type { StageFactory } from '../stages/StageModule.js';
import type { BatchSource } from './BatchSource.js';
import type { HookContext, TrainHooks } from './hooks.js';
import { Trainer } from './Trainer.js';
import { resolveTrainerOptions, type TrainerOptions } from './TrainerOptions.js';

/** What {@link createTrainer} puts together. */
export interface TrainerModel {
  /** Builds virtual stages, for example `gptStages(config)`. */
  readonly model: StageFactory;
  readonly data: BatchSource;
  /** Makes this rank's hooks. @defaultValue none */
  readonly hooks?: (context: HookContext) => TrainHooks;
}

/**
 * Creates this rank's share of a trainer. Call it in the entry of `launch`, on every rank with the same arguments; its
 * methods are collective. The trajectory is that of one rank, up to the order of float32 sums, for every grid.
 *
 * @throws {@link OptionError} if options are out of range or the grid has another size than the world;
 *   {@link ScheduleError} if the schedule cannot run.
 */
export function createTrainer(
  { world, trace }: Pick<RankContext, 'world' | 'trace'>,
  { model, data, hooks }: TrainerModel,
  options: TrainerOptions = {},
): Trainer {
  return new Trainer({ world, trace, model, data, hooks, options: resolveTrainerOptions(options) });
}
