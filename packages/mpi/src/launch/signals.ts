/** SIGINT and SIGTERM during a launch: the first asks the rank to stop, the second ends the job. */
import { abortMpi } from '../process.js';

/** mpirun answers Ctrl-C with SIGTERM to every rank, MPICH's and Slurm's launchers pass SIGINT on. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Watches both signals and `signal`. Signals are seen when the entry returns to the event loop. */
export class StopRequest {
  isRequested = false;
  readonly #signal: AbortSignal | undefined;
  readonly #onAbort = () => {
    this.isRequested = true;
  };
  readonly #onSignal = () => {
    if (this.isRequested) abortMpi(130);
    this.isRequested = true;
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    this.isRequested = signal?.aborted ?? false;
    signal?.addEventListener('abort', this.#onAbort);
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  dispose(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}
