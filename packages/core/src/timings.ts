/** Timings in a few numbers. */

/** The middle value, the mean of the middle two, or 0 of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** What result files say of repeated timings; zeros of none. */
export interface TimingSummary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly count: number;
}

/** Median, extremes and number of timings, in their unit. */
export function summariseTimings(values: readonly number[]): TimingSummary {
  const isEmpty = values.length === 0;
  return {
    median: median(values),
    min: isEmpty ? 0 : Math.min(...values),
    max: isEmpty ? 0 : Math.max(...values),
    count: values.length,
  };
}
