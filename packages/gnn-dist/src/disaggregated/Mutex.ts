/** A lock in shared memory that any thread may take. */

/** Runs `run` while no other thread does under the same lock. int32 `[1]`: 0 free, 1 taken. */
export function withLock<T>(lock: Int32Array, run: () => T): T {
  while (Atomics.compareExchange(lock, 0, 0, 1) !== 0) Atomics.wait(lock, 0, 1, 10);
  try {
    return run();
  } finally {
    Atomics.store(lock, 0, 0);
    Atomics.notify(lock, 0, 1);
  }
}
