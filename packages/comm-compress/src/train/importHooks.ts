/** Hooks by the name of their module. */
import { OptionError } from '@strata-ml/core';
import type { HooksModule, TrainHooks, TrainHooksFactory } from './hooks.js';
import type { ResolvedTrainerOptions } from './TrainerOptions.js';

/**
 * Imports a hooks module and makes one rank's hooks.
 *
 * @throws {@link OptionError} if its default export is no function.
 */
export async function importHooks(
  hooks: HooksModule | undefined,
  { grid, chunks, microBatches, seed }: ResolvedTrainerOptions,
  rank: number,
): Promise<TrainHooks | undefined> {
  if (!hooks) return undefined;
  const module = (await import(hooks.module)) as { readonly default?: unknown };
  if (typeof module.default !== 'function') {
    throw new OptionError('hooks', `default export of ${hooks.module}`, typeof module.default, 'a function');
  }
  const factory = module.default as TrainHooksFactory;
  return factory({ place: grid.placeOf(rank), boundaries: grid.pp * chunks - 1, microBatches, seed }, hooks.options);
}
