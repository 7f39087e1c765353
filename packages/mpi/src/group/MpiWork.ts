/** An MPI operation in flight, and the poller that completes operations nobody blocks on. */
import { CommMismatchError, CommTimeoutError, type Work } from '@strata-ml/core';
import { MpiError } from '../errors.js';
import type { HandleCell } from '../library/handles.js';
import type { Mpi } from '../library/Mpi.js';
import type { Mailbox } from '../mailbox.js';
import { graceMs, waitUntil } from '../waitLoop.js';

/** What a {@link MpiWork} needs to know. */
export interface InFlight {
  /** For messages, e.g. `allReduce`. */
  readonly operation: string;
  /** Requests still to complete. */
  readonly requests: readonly HandleCell[];
  /** Arrays that MPI reads or writes until then. */
  readonly keep: readonly ArrayBufferView[];
  readonly bytes: number;
  readonly timeoutMs: number;
  /** Asks the others where they are. */
  readonly ask?: () => void;
  /** World ranks that have not come, as far as known. */
  readonly missing: () => readonly number[];
  /** Runs once, after the last request. */
  readonly finish?: () => void;
  /** Runs after each completed request, while MPI_Get_count still knows it. */
  readonly onRequest?: () => void;
}

/** All operations in flight of one process. They are referenced here, so that no array is freed under MPI's hands. */
export class Progress {
  readonly mpi: Mpi;
  readonly mailbox: Mailbox;
  readonly #inFlight = new Set<MpiWork>();
  readonly #watched = new Set<MpiWork>();
  /** Whether an operation failed or timed out: its requests stay open, so MPI can no longer end in order. */
  hasFailed = false;
  /** Last operation started, for messages about a failure. */
  lastOperation: string | undefined;
  #isScheduled = false;
  #idlePolls = 0;

  constructor(mpi: Mpi, mailbox: Mailbox) {
    this.mpi = mpi;
    this.mailbox = mailbox;
  }

  /** Operations whose arrays MPI may still touch. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  add(work: MpiWork): void {
    // Sends whose Work was dropped complete here; a program that waits for its Works never gets this far.
    if (this.#inFlight.size >= 256) for (const w of [...this.#inFlight]) if (!w.isWatched) w.poll();
    this.#inFlight.add(work);
  }

  remove(work: MpiWork): void {
    this.#inFlight.delete(work);
    this.#watched.delete(work);
  }

  unwatch(work: MpiWork): void {
    this.#watched.delete(work);
  }

  /** Polls `work` from the event loop until it is complete. */
  watch(work: MpiWork): void {
    this.#watched.add(work);
    this.#idlePolls = 0;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled || this.#watched.size === 0) return;
    this.#isScheduled = true;
    const poll = () => {
      this.#isScheduled = false;
      let completed = 0;
      for (const work of [...this.#watched]) if (work.pollWatched()) completed++;
      this.#idlePolls = completed > 0 ? 0 : this.#idlePolls + 1;
      this.#schedule();
    };
    // At first after every turn of the event loop; a long wait must not keep the core busy.
    if (this.#idlePolls < 2000) setImmediate(poll);
    else setTimeout(poll, 1);
  }
}

/** See {@link Work}. */
export class MpiWork implements Work {
  readonly #progress: Progress;
  readonly #plan: InFlight;
  #next = 0;
  #isDone = false;
  #error: Error | undefined;
  #promise: Promise<void> | undefined;
  #settle: { resolve: () => void; reject: (error: Error) => void } | undefined;
  #watchedSince = 0;
  #hasAsked = false;

  constructor(progress: Progress, plan: InFlight) {
    this.#progress = progress;
    this.#plan = plan;
    progress.lastOperation = plan.operation;
    progress.add(this);
  }

  get isWatched(): boolean {
    return this.#promise !== undefined;
  }

  wait(): void {
    const { timeoutMs, bytes } = this.#plan;
    const isDone = waitUntil(() => this.poll(), {
      timeoutMs,
      // 1 GB/s: below what shared memory moves, so that a large message is not slept through.
      busyMs: 2 + bytes / 1e6,
      onTick: () => this.#progress.mailbox.pump(),
      onLate: () => this.#plan.ask?.(),
    });
    if (!isDone) this.#fail(this.#late());
    if (this.#error) throw this.#error;
  }

  get done(): Promise<void> {
    this.#promise ??= new Promise<void>((resolve, reject) => {
      if (this.#error) return reject(this.#error);
      if (this.#isDone) return resolve();
      this.#settle = { resolve, reject };
      this.#watchedSince = performance.now();
      this.#progress.watch(this);
    });
    return this.#promise;
  }

  /** Tests the requests; true when nothing is left to do: complete or failed. */
  poll(): boolean {
    if (this.#isDone || this.#error) return true;
    try {
      const { requests, onRequest } = this.#plan;
      while (this.#next < requests.length) {
        if (!this.#progress.mpi.test(requests[this.#next]!)) return false;
        this.#next++;
        onRequest?.();
      }
      this.#plan.finish?.();
    } catch (error) {
      this.#fail(this.#explain(error as Error));
      return true;
    }
    this.#isDone = true;
    this.#progress.remove(this);
    this.#settle?.resolve();
    return true;
  }

  /** One turn of the poller: as {@link MpiWork.poll}, with time-out and messages. */
  pollWatched(): boolean {
    if (this.poll()) return true;
    const waited = performance.now() - this.#watchedSince;
    const { timeoutMs } = this.#plan;
    try {
      this.#progress.mailbox.pump();
    } catch (error) {
      this.#fail(error as Error);
      return true;
    }
    if (!this.#hasAsked && waited >= timeoutMs - graceMs(timeoutMs)) {
      this.#hasAsked = true;
      this.#plan.ask?.();
    }
    if (waited < timeoutMs) return false;
    this.#fail(this.#late());
    return true;
  }

  /** A message longer than the memory for it means that two ranks made different calls. */
  #explain(error: Error): Error {
    if (!(error instanceof MpiError) || !/TRUNCATE|truncated/i.test(error.details.text)) return error;
    const { operation } = this.#plan;
    const message =
      `${operation}: all ranks must make the same call with the same length, got a longer message than expected; ` +
      'run with checkComm to learn which rank differs';
    return new CommMismatchError(message, { operation, text: error.details.text });
  }

  #late(): Error {
    return new CommTimeoutError(this.#plan.operation, this.#plan.timeoutMs, this.#plan.missing());
  }

  /** The requests stay in MPI's hands, so the work stays in `inFlight`: its arrays must outlive them. */
  #fail(error: Error): void {
    this.#error = error;
    this.#progress.hasFailed = true;
    this.#settle?.reject(error);
    this.#progress.unwatch(this);
  }
}
