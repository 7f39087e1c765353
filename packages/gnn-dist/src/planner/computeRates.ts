/** Measures how fast this machine multiplies and sums rows: what predictions of compute stand on. */
import { availableParallelism } from 'node:os';
import { initEngine } from '@strata-ml/core';
import { measureLayerRates } from '@strata-ml/models';
import type { ComputeRates } from './predictStep.js';

/** Times a dense and a sparse product of typical shape; about 100 ms. */
export async function measureComputeRates(hidden = 64): Promise<ComputeRates> {
  await initEngine({});
  const { denseMacsPerSecond, sparseFloatsPerSecond } = measureLayerRates(hidden);
  return {
    denseMacsPerS: denseMacsPerSecond,
    sparseFloatsPerS: sparseFloatsPerSecond,
    parallelDevices: availableParallelism(),
  };
}
