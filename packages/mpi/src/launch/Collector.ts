/** Rank 0's side of a launch: takes in events, results and the first failure of all ranks. */
import { CommTimeoutError } from '@strata-ml/core';
import { TAGS } from '../mailbox.js';
import type { MpiProcess } from '../process.js';
import type { EventMessage, FailureMessage, ResultMessage } from './messages.js';
import { pause } from './pause.js';

/** Thrown out of a wait on rank 0 when another rank has failed; the launch turns it into the rank's own error. */
export class OtherRankFailed extends Error {}

/** See the file comment. */
export class Collector {
  readonly #process: MpiProcess;
  readonly #results: (ResultMessage | undefined)[];
  readonly #onEvent: ((event: unknown, rank: number) => void) | undefined;
  #failure: FailureMessage | undefined;

  constructor(
    process: MpiProcess,
    launch: number,
    size: number,
    onEvent: ((event: unknown, rank: number) => void) | undefined,
  ) {
    this.#process = process;
    this.#results = new Array(size);
    this.#onEvent = onEvent;
    const { mailbox } = process;
    mailbox.on(TAGS.event, (_, message) => this.#event(message as EventMessage, launch));
    mailbox.on(TAGS.result, (_, message) => {
      const result = message as ResultMessage;
      if (result.launch === launch) this.add(result);
    });
    mailbox.on(TAGS.failure, (_, message) => {
      const failure = message as FailureMessage;
      if (failure.launch !== launch) return;
      this.#failure ??= failure;
      throw new OtherRankFailed(failure.error.message);
    });
  }

  /** The first failure that came in. */
  get failure(): FailureMessage | undefined {
    return this.#failure;
  }

  add(result: ResultMessage): void {
    this.#results[result.rank] = result;
  }

  /**
   * Waits for the results of all ranks without blocking the event loop.
   *
   * @throws {@link CommTimeoutError} that names the ranks without a result after `timeoutMs`.
   */
  async all(timeoutMs: number): Promise<readonly ResultMessage[]> {
    const start = performance.now();
    for (;;) {
      this.#process.mailbox.pump();
      const missing = [...this.#results.keys()].filter((r) => this.#results[r] === undefined);
      if (missing.length === 0) return this.#results as ResultMessage[];
      if (performance.now() - start > timeoutMs) throw new CommTimeoutError('launch: result', timeoutMs, missing);
      await pause(1);
    }
  }

  /** Takes in what arrives within `ms`, and gives the first failure among it. */
  async listen(ms: number): Promise<FailureMessage | undefined> {
    const until = performance.now() + ms;
    while (this.#failure === undefined && performance.now() < until) {
      try {
        this.#process.mailbox.pump();
      } catch (error) {
        if (!(error instanceof OtherRankFailed)) throw error;
      }
      await pause(5);
    }
    return this.#failure;
  }

  /** Stops listening: messages of a launch that is over are dropped. */
  dispose(): void {
    for (const tag of [TAGS.event, TAGS.result, TAGS.failure]) this.#process.mailbox.on(tag, undefined);
  }

  #event({ launch, rank, event }: EventMessage, current: number): void {
    if (launch === current) this.#onEvent?.(event, rank);
  }
}
