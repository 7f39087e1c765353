/** How one call is timed, in every program alike. */
import { performance } from 'node:perf_hooks';
import { median } from '@strata-ml/core';

/** Median seconds of a call: two warm-up calls, then at least 3 and at most 200, until the budget of seconds is full. */
export function timeCall(call: () => void, budgetS = 0.5): number {
  call();
  call();
  const seconds: number[] = [];
  for (let total = 0; seconds.length < 3 || (total < budgetS && seconds.length < 200); ) {
    seconds.push(secondsOf(call));
    total += seconds.at(-1)!;
  }
  return median(seconds);
}

/** Seconds of one call. */
export function secondsOf(call: () => void): number {
  const start = performance.now();
  call();
  return (performance.now() - start) / 1000;
}
