/** Checks of generator options. */
import { OptionError } from '@strata-ml/core';

/** @throws {@link OptionError} unless `got` is an integer in min … max. */
export function checkInteger(where: string, option: string, got: number, min: number, max = 2 ** 31 - 2): void {
  if (Number.isInteger(got) && got >= min && got <= max) return;
  throw new OptionError(where, option, got, `an integer in ${min} … ${max}`);
}

/** @throws {@link OptionError} unless min ≤ got ≤ max. */
export function checkNumber(where: string, option: string, got: number, min: number, max = Number.MAX_VALUE): void {
  if (got >= min && got <= max) return;
  throw new OptionError(where, option, got, max === Number.MAX_VALUE ? `a number ≥ ${min}` : `in [${min}, ${max}]`);
}
