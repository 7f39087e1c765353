/** Notices when a kernel that runs as JavaScript costs a good part of the time. */

/** A warning, as it reaches the user. */
export interface SlowKernel {
  readonly kernel: string;
  /** Its part of the step's time, in (0.1, 1]. */
  readonly share: number;
  /** Length of the step, in milliseconds. */
  readonly stepMs: number;
}

/** A backend sees kernels, not optimizers: a "step" is a second of the clock, closed by the first kernel after it. */
const STEP_MS = 1000;
/** Part of a step above which the user hears of it. */
const SHARE = 0.1;

/**
 * Watches steps of a second each and tells once about every kernel that takes more than a tenth of one.
 *
 * The first second is left out: models are built and sessions created then. Time without kernels counts as time of the
 * step, so a program that waits for its data is not told that a kernel is slow.
 */
export class KernelWatch {
  readonly #warn: (slow: SlowKernel) => void;
  readonly #told = new Set<string>();
  readonly #costs = new Map<string, number>();
  #startMs: number | undefined;
  #isFirst = true;

  /** @param warn - called once for each kernel at most */
  constructor(warn: (slow: SlowKernel) => void) {
    this.#warn = warn;
  }

  /** A JavaScript kernel ran, from `startMs` to `endMs` of a monotonic clock. */
  note(kernel: string, startMs: number, endMs: number): void {
    this.#startMs ??= startMs;
    this.#costs.set(kernel, (this.#costs.get(kernel) ?? 0) + endMs - startMs);
    const stepMs = endMs - this.#startMs;
    if (stepMs < STEP_MS) return;
    for (const [name, ms] of this.#costs) {
      const share = ms / stepMs;
      if (this.#isFirst || share <= SHARE || this.#told.has(name)) continue;
      this.#told.add(name);
      this.#warn({ kernel: name, share, stepMs });
    }
    this.#isFirst = false;
    this.#startMs = endMs;
    this.#costs.clear();
  }
}
