/** The norm of all gradients of a model that is spread over ranks. */
import type { ProcessGroup } from '@strata-ml/core';
import { sumOfSquares } from '@strata-ml/kernels';
import type { FlatParameters } from '../dataParallel/FlatParameters.js';
import type { GridPlace } from '../grid/ParallelGrid.js';

/**
 * √Σg² over the model; every parameter counts once. Collective over the model group; the same on all of its ranks.
 *
 * Parameters that tensor ranks hold whole count on the first of them, a tied embedding on the first stage. Not finite if
 * any gradient is not, on all ranks alike.
 */
export function gradientNorm(
  { slots, gradients }: FlatParameters,
  { tensor, stage, pp }: GridPlace,
  model: ProcessGroup,
): number {
  let sum = 0;
  for (const { parameter, begin, end } of slots) {
    if (parameter.splitAxis === null && tensor > 0) continue;
    if (parameter.isTied && pp > 1 && stage > 0) continue;
    sum += sumOfSquares(gradients.subarray(begin, end));
  }
  const total = Float64Array.of(sum);
  if (model.size > 1) model.allReduce(total, { phase: 'metrics' });
  return Math.sqrt(total[0]!);
}
