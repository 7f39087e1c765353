/** Medians of a step's parts. */
import { median } from '@strata-ml/core';
import type { StepSeconds } from './StepReport.js';

/** The median of every part. */
export function medianSeconds(steps: readonly StepSeconds[]): StepSeconds {
  const of = (part: keyof StepSeconds) => median(steps.map((step) => step[part]));
  return {
    total: of('total'),
    forward: of('forward'),
    backward: of('backward'),
    tensor: of('tensor'),
    pipeline: of('pipeline'),
    gradient: of('gradient'),
    embedding: of('embedding'),
    update: of('update'),
  };
}
