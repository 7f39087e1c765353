/** Blocks the thread until something is true, without ever leaving it stuck: spin, then yield, then sleep in slices. */
import { loadKoffi } from './library/load.js';

/** What a wait does besides testing. */
export interface WaitPlan {
  /** Longest wait in ms; Infinity waits for ever. */
  readonly timeoutMs: number;
  /** How long to keep the processor (yielding it) before sleeping, in ms: MPI only makes progress when it is called. */
  readonly busyMs: number;
  /** Called about every ms, e.g. to take in messages. Its errors end the wait. */
  readonly onTick: () => void;
  /** Called once, `graceMs` before the time is up, to ask who is missing. */
  readonly onLate: () => void;
}

/** Tests before the first look at the clock; ≈ 20 µs, longer than a small message needs. */
const SPINS = 60;
const SLEEP_MIN_MS = 0.02;
const SLEEP_MAX_MS = 0.1;
const sleepCell = new Int32Array(new SharedArrayBuffer(4));

/** Time kept back from a time-out for asking who is missing. */
export function graceMs(timeoutMs: number): number {
  return Math.min(500, timeoutMs / 4);
}

/** Waits for `isDone`. @returns false when the time is up */
export function waitUntil(isDone: () => boolean, plan: WaitPlan): boolean {
  for (let i = 0; i < SPINS; i++) if (isDone()) return true;
  const start = performance.now();
  const lateAt = start + plan.timeoutMs - graceMs(plan.timeoutMs);
  let tickAt = start + 1;
  let asked = false;
  let slice = SLEEP_MIN_MS;
  for (;;) {
    for (let i = 0; i < 8; i++) {
      if (isDone()) return true;
      yieldProcessor();
    }
    const now = performance.now();
    if (now >= tickAt) {
      plan.onTick();
      tickAt = now + 1;
    }
    if (now - start > plan.busyMs) {
      Atomics.wait(sleepCell, 0, 0, slice);
      slice = Math.min(SLEEP_MAX_MS, slice * 1.5);
    }
    if (!asked && now >= lateAt) {
      asked = true;
      plan.onLate();
    }
    if (now - start >= plan.timeoutMs) return isDone();
  }
}

let schedYield: (() => unknown) | undefined;

/** Lets another thread or process run: with more ranks than cores, the one waited for may need this very core. */
function yieldProcessor(): void {
  if (!schedYield) {
    try {
      schedYield = loadKoffi().load(null).func('sched_yield', 'int', []);
    } catch {
      schedYield = () => Atomics.wait(sleepCell, 0, 0, SLEEP_MIN_MS);
    }
  }
  schedYield();
}
