/** How one call is timed, in every program alike. */
import { performance } from 'node:perf_hooks';
import { median } from '../harness/runSuite.js';

/** Median seconds of a call: two warm-up calls, then at least 3 and at most 200, until half a second is full. */
export function timeCall(call: () => void): number {
  call();
  call();
  const seconds: number[] = [];
  for (let total = 0; seconds.length < 3 || (total < 0.5 && seconds.length < 200); ) {
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
