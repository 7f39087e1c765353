/** Where batches come from: planned on this thread when asked for, or ahead on another one. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { StrataError } from '@strata-ml/core';
import type { ServerLayout } from '../server/ServerLayout.js';
import { type BatchPlan, planBatch } from './batch.js';

/** What the planning thread is told when it starts. */
export interface BatchWorkerData {
  readonly plan: BatchPlan;
  readonly port: MessagePort;
  /** int32 `[1]` in shared memory: answers given so far. */
  readonly answers: Int32Array;
}

/** An answer of the planning thread. */
export type BatchAnswer = { readonly layout: ServerLayout } | { readonly error: string };

/** Steps that are planned before they are asked for. */
const STEPS_AHEAD = 1;

/** Gives the layout of each step, in order. */
export interface BatchSource {
  /** The layout of a step; asks for those after it meanwhile. */
  take(epoch: number, step: number): ServerLayout;
  dispose(): void;
}

/** Plans on the calling thread. */
export function directBatches(plan: BatchPlan): BatchSource {
  return { take: (epoch, step) => planBatch(plan, epoch, step), dispose() {} };
}

/**
 * Plans on a thread of its own, a step ahead of what is taken: while one computes, vertices of a later one are sampled and placed.
 *
 * The caller blocks in `take` until the answer is there; it needs no turn of its event loop.
 */
export class BackgroundBatches implements BatchSource {
  readonly #worker: Worker;
  readonly #port: MessagePort;
  readonly #answers: Int32Array;
  readonly #stepsPerEpoch: number;
  readonly #timeoutMs: number;
  #taken = 0;
  /** Steps asked for and not taken yet, in order. */
  readonly #asked: { readonly epoch: number; readonly step: number }[] = [];

  /** @param timeoutMs - longest wait for one batch */
  constructor(plan: BatchPlan, timeoutMs: number) {
    const { port1, port2 } = new MessageChannel();
    this.#answers = new Int32Array(new SharedArrayBuffer(4));
    this.#port = port1;
    this.#stepsPerEpoch = plan.itersPerEpoch;
    this.#timeoutMs = timeoutMs;
    const workerData: BatchWorkerData = { plan, port: port2, answers: this.#answers };
    this.#worker = new Worker(new URL('./batchWorker.js', import.meta.url), { workerData, transferList: [port2] });
    this.#worker.unref();
    port1.unref();
  }

  take(epoch: number, step: number): ServerLayout {
    // Steps that nobody took: a resumed run starts elsewhere.
    while (this.#asked[0] && !(this.#asked[0].epoch === epoch && this.#asked[0].step === step)) this.#receive();
    if (this.#asked.length === 0) this.#ask(epoch, step);
    let last = this.#asked.at(-1)!;
    const answer = this.#receive();
    while (this.#asked.length < STEPS_AHEAD) {
      const isLast = last.step + 1 === this.#stepsPerEpoch;
      last = { epoch: isLast ? last.epoch + 1 : last.epoch, step: isLast ? 0 : last.step + 1 };
      this.#ask(last.epoch, last.step);
    }
    return answer;
  }

  dispose(): void {
    this.#port.close();
    void this.#worker.terminate();
  }

  #ask(epoch: number, step: number): void {
    this.#asked.push({ epoch, step });
    this.#port.postMessage({ epoch, step });
  }

  #receive(): ServerLayout {
    if (Atomics.wait(this.#answers, 0, this.#taken, this.#timeoutMs) === 'timed-out') {
      throw new StrataError('ERR_STRATA_SAMPLING', `sampling: the next batch must come within ${this.#timeoutMs} ms`);
    }
    this.#taken++;
    this.#asked.shift();
    const answer = receiveMessageOnPort(this.#port)?.message as BatchAnswer | undefined;
    if (!answer || 'error' in answer) {
      throw new StrataError(
        'ERR_STRATA_SAMPLING',
        `sampling: ${answer?.error ?? 'the planning thread gave no answer'}`,
      );
    }
    return answer.layout;
  }
}
