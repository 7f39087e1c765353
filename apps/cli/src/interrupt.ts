/** Ctrl-C: the first asks the run to stop cleanly, the second ends the process at once. */
import { AbortedError } from '@strata-ml/core';

const interrupted = 130;

/**
 * Runs `body` with a signal that the first SIGINT or SIGTERM aborts.
 *
 * @param onStop - told once, so that the person at the terminal knows that the key press arrived
 */
export async function withInterrupt<T>(body: (signal: AbortSignal) => Promise<T>, onStop: () => void): Promise<T> {
  const controller = new AbortController();
  const stop = (): void => {
    if (controller.signal.aborted) process.exit(interrupted);
    onStop();
    controller.abort(new AbortedError('run: interrupted before it was done'));
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  try {
    return await body(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
