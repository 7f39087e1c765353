/** How a rank sleeps until another changes a cell of shared memory, and how it is woken. */

/** Sleeping on a cell; it may end early, whoever sleeps looks again. */
export interface Doorbell {
  /** Wakes who sleeps on the cell. */
  wake(cells: Int32Array, cell: number): void;
  /** Blocks until the cell is rung, unless it no longer holds `seen`, for `ms` at most. */
  sleep(cells: Int32Array, cell: number, seen: number, ms: number): void;
  /** The same without blocking the thread. */
  sleepAsync(cells: Int32Array, cell: number, seen: number, ms: number): Promise<unknown>;
}

/** Between threads of one process. */
export const THREAD_DOORBELL: Doorbell = {
  wake: (cells, cell) => void Atomics.notify(cells, cell),
  sleep: (cells, cell, seen, ms) => void Atomics.wait(cells, cell, seen, ms),
  async sleepAsync(cells, cell, seen, ms) {
    const result = waitAsync(cells, cell, seen, ms);
    if (result.async) await result.value;
  },
};

/** `Atomics.waitAsync`, which the ES2023 library does not know yet. */
const waitAsync = (
  Atomics as unknown as {
    waitAsync(
      cells: Int32Array,
      index: number,
      value: number,
      timeoutMs: number,
    ): { readonly async: false } | { readonly async: true; readonly value: Promise<string> };
  }
).waitAsync;
