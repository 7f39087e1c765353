/** The clock of one wait: when to look again, when to give up. */
import { CommTimeoutError } from '../../errors.js';
import type { Pending } from '../Pending.js';

/** Sleeps end this early, and the rest is spun: `Atomics.wait` overshoots by about this much. */
const OVERSHOOT_MS = 0.12;
/** Longest sleep, so that heartbeats and aborts are seen. */
const SLICE_MS = 100;

/** Decides how long to sleep, and when a wait has lasted too long. */
export class Watch {
  readonly #pending: Pending;
  readonly #timeoutMs: number;
  #advances: number;
  #since: number;

  constructor(pending: Pending, timeoutMs: number, now: number) {
    this.#pending = pending;
    this.#timeoutMs = timeoutMs;
    this.#advances = pending.advances;
    this.#since = now;
  }

  /** @param next - when more can be done without a peer */
  sleepMs(now: number, next: number): number {
    if (this.#advances !== this.#pending.advances) {
      this.#advances = this.#pending.advances;
      this.#since = now;
    } else if (now - this.#since >= this.#timeoutMs) {
      const missing = this.#pending.missing();
      if (missing.length > 0) throw new CommTimeoutError(this.#pending.name, this.#timeoutMs, missing);
      this.#since = now;
    }
    return Math.min(next - now - OVERSHOOT_MS, SLICE_MS, this.#since + this.#timeoutMs - now);
  }
}
