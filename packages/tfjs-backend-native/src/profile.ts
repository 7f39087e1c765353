/** Counts which kernels still ran in plain JavaScript, what they cost, and says so when one costs much. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { KernelWatch, type SlowKernel } from './KernelWatch.js';

/** One kernel inherited from the cpu backend. */
export interface InheritedKernelCost {
  /** Name of the tfjs kernel, e.g. `Conv2D`. */
  readonly kernel: string;
  /** How often it ran. */
  readonly calls: number;
  /** Time spent in it, in milliseconds. */
  readonly ms: number;
}

const costs = new Map<string, { calls: number; ms: number }>();
const watch = new KernelWatch(warn);
let current: string | undefined;

/** The kernels of the cpu backend that ran in this thread since the start or the last reset, dearest first. */
export function nativeProfile(): InheritedKernelCost[] {
  return Array.from(costs, ([kernel, { calls, ms }]) => ({ kernel, calls, ms })).sort((a, b) => b.ms - a.ms);
}

/** Forgets what {@link nativeProfile} has counted. */
export function resetNativeProfile(): void {
  costs.clear();
}

/** Name of the inherited kernel that is running, for error messages. */
export function kernelInProgress(): string | undefined {
  return current;
}

/** Wraps an inherited kernel so that its calls and time are counted. */
export function counted<A extends unknown[], R>(kernel: string, run: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    const outer = current;
    current = kernel;
    const start = performance.now();
    try {
      return run(...args);
    } finally {
      const end = performance.now();
      const ms = end - start;
      current = outer;
      const cost = costs.get(kernel);
      if (cost) {
        cost.calls++;
        cost.ms += ms;
      } else {
        costs.set(kernel, { calls: 1, ms });
      }
      watch.note(kernel, start, end);
    }
  };
}

/**
 * If the environment names a folder in `STRATA_NATIVE_PROFILE`, writes this thread's profile there when it ends; this is
 * how `strata doctor --profile` looks into a program that it started.
 */
export function writeProfileAtExit(): void {
  const folder = process.env.STRATA_NATIVE_PROFILE;
  if (!folder) return;
  process.once('exit', () => {
    mkdirSync(folder, { recursive: true });
    const profile = { wallMs: performance.now(), kernels: nativeProfile() };
    writeFileSync(join(folder, `${process.pid}-${threadId}.json`), JSON.stringify(profile));
  });
}

/** A process warning: on stderr once, silenced by `--no-warnings`, and an event for who wants to handle it. */
function warn({ kernel, share, stepMs }: SlowKernel): void {
  const percent = Math.round(100 * share);
  process.emitWarning(
    `${kernel} runs as JavaScript on the native backend and took ${percent} % of the last ${(stepMs / 1000).toFixed(1)} s; ` +
      'nativeProfile() lists all such kernels',
    { type: 'StrataWarning', code: 'STRATA_JS_KERNEL' },
  );
}
