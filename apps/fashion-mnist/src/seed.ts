/** Reproducible runs of a program that draws by `Math.random`, as the layers API does for weights, order and dropout. */
import { Rng } from '@strata-ml/core';

/** From now on `Math.random` gives the same numbers in every run with this seed. */
export function seedMathRandom(seed: number): void {
  const rng = new Rng(seed);
  let drawn = 0;
  Math.random = () => rng.uniformAt(drawn++);
}
