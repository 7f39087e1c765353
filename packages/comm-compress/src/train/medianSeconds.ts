/** Medians of timings. */
import type { StepSeconds } from './StepReport.js';

/** The middle value, the mean of the two middle ones, or 0 of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

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
