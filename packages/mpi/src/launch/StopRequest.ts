/** SIGINT and SIGTERM during a launch: the first asks the rank to stop, the second ends the job. */
import { abortMpi } from '../process.js';

/** mpirun answers Ctrl-C with SIGTERM to every rank, MPICH's and Slurm's launchers pass SIGINT on. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Watches both signals and `signal`. Signals are seen when the entry returns to the event loop. */
export class StopRequest {
  readonly #signal: AbortSignal | undefined;
  #requestedAt: number | undefined;
  readonly #onAbort = () => {
    this.#requestedAt ??= performance.now();
  };
  readonly #onSignal = () => {
    if (this.isRequested) abortMpi(130);
    this.#onAbort();
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (signal?.aborted) this.#onAbort();
    signal?.addEventListener('abort', this.#onAbort);
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  get isRequested(): boolean {
    return this.#requestedAt !== undefined;
  }

  /** Time since the request, 0 before it. */
  get requestedForMs(): number {
    return this.#requestedAt === undefined ? 0 : performance.now() - this.#requestedAt;
  }

  dispose(): void {
    this.#signal?.removeEventListener('abort', this.#onAbort);
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }
}
