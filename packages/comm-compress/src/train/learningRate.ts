/** Learning rate by step: linear warm-up, then half a cosine. Loshchilov, Hutter, ICLR 2017, arXiv:1608.03983. */

/** Shape of the curve. */
export interface LearningRateOptions {
  /** Highest rate. */
  readonly lr: number;
  /** Rate at the end and after it. */
  readonly minLr: number;
  /** Steps until `lr` is reached. */
  readonly warmupSteps: number;
  /** Step at which `minLr` is reached; 0 keeps `lr` after the warm-up. */
  readonly decaySteps: number;
}

/**
 * The rate of a step.
 *
 * @param step - from 1
 * @example
 * learningRateAt(2, { lr: 1, minLr: 0.1, warmupSteps: 4, decaySteps: 10 }); // => 0.5
 */
export function learningRateAt(step: number, { lr, minLr, warmupSteps, decaySteps }: LearningRateOptions): number {
  if (step <= warmupSteps) return (lr * step) / warmupSteps;
  if (decaySteps <= warmupSteps) return lr;
  const progress = Math.min(1, (step - warmupSteps) / (decaySteps - warmupSteps));
  return minLr + (lr - minLr) * 0.5 * (1 + Math.cos(Math.PI * progress));
}
