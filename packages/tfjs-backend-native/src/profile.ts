/** Counts which kernels still ran in plain JavaScript, and what they cost. */

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
      const ms = performance.now() - start;
      current = outer;
      const cost = costs.get(kernel);
      if (cost) {
        cost.calls++;
        cost.ms += ms;
      } else {
        costs.set(kernel, { calls: 1, ms });
      }
    }
  };
}
