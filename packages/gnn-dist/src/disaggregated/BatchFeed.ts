/** Where a compute worker's batches come from: queues that batch workers fill, or itself. */
import { performance } from 'node:perf_hooks';
import { StrataError } from '@strata-ml/core';
import { BatchMaker, type MakerPlan } from './BatchMaker.js';
import { type PreparedBatch, readMessage, writeMessage } from './batchMessage.js';
import { LOST, PENDING, type PipelineMemory, READY, TAKEN, TRAINED } from './PipelineMemory.js';
import type { ScheduledBatch } from './schedule.js';

/** Gives one compute worker the batches of an epoch, in their order. */
export interface BatchFeed {
  /**
   * Runs `use` on the next batch that came; its arrays are valid only while it runs.
   *
   * @returns what `use` returned; undefined when the epoch has no more batches for this worker
   */
  next<T>(use: (batch: PreparedBatch) => T): T | undefined;
  /** Tells who made the last batch that it is trained. */
  acknowledge(): void;
}

/** Takes batches from the queues of the batch workers. */
export class QueueFeed implements BatchFeed {
  readonly #memory: PipelineMemory;
  readonly #rank: number;
  readonly #plan: MakerPlan;
  readonly #timeoutMs: number;
  readonly #batches: readonly ScheduledBatch[];
  #epoch = 0;
  #at = 0;
  #last: ScheduledBatch | undefined;

  /** @param timeoutMs - longest wait for one batch */
  constructor(memory: PipelineMemory, rank: number, plan: MakerPlan, timeoutMs: number) {
    this.#memory = memory;
    this.#rank = rank;
    this.#plan = plan;
    this.#timeoutMs = timeoutMs;
    this.#batches = memory.arrays.schedule.batches.filter(({ target }) => target === rank);
  }

  next<T>(use: (batch: PreparedBatch) => T): T | undefined {
    const memory = this.#memory;
    if (this.#epoch !== memory.epoch) {
      this.#epoch = memory.epoch;
      this.#at = 0;
    }
    for (;;) {
      const batch = this.#batches[this.#at];
      if (!batch) return undefined;
      this.#at++;
      const start = performance.now();
      const came = memory.waitUntil(() => [READY, LOST].includes(memory.stateOf(batch)), this.#timeoutMs);
      memory.countCompute(this.#rank, 'receive', (performance.now() - start) / 1000);
      if (!came) {
        throw new StrataError(
          'ERR_STRATA_SAMPLING',
          `trainDisaggregated: batch ${batch.id} of batch worker ${batch.maker} must come within ${this.#timeoutMs} ms`,
        );
      }
      const isReady = memory.move(batch, READY, TAKEN);
      const result = isReady ? { value: use(readMessage(memory.spaceOf(batch), this.#plan.data)) } : undefined;
      // The place is free: the batch is in tensors now, or never comes.
      Atomics.add(memory.arrays.consumed, batch.lane, 1);
      memory.wake();
      if (!result) continue;
      this.#last = batch;
      return result.value;
    }
  }

  acknowledge(): void {
    const batch = this.#last!;
    const { madeBy, unacknowledged } = this.#memory.arrays;
    Atomics.sub(unacknowledged, madeBy[batch.id]!, 1);
    this.#memory.move(batch, TAKEN, TRAINED);
  }
}

/** Prepares its batches on the computing thread: the aggregated layout. */
export class OwnFeed implements BatchFeed {
  readonly #memory: PipelineMemory;
  readonly #rank: number;
  readonly #maker: BatchMaker;
  readonly #batches: readonly ScheduledBatch[];
  readonly #space: SharedArrayBuffer;
  #epoch = 0;
  #at = 0;
  #last: ScheduledBatch | undefined;

  constructor(memory: PipelineMemory, rank: number, plan: MakerPlan) {
    const { schedule, slotWords } = memory.arrays;
    this.#memory = memory;
    this.#rank = rank;
    this.#maker = new BatchMaker(plan);
    this.#batches = schedule.batches.filter(({ target }) => target === rank);
    this.#space = new SharedArrayBuffer(4 * slotWords);
  }

  next<T>(use: (batch: PreparedBatch) => T): T | undefined {
    const memory = this.#memory;
    if (this.#epoch !== memory.epoch) {
      this.#epoch = memory.epoch;
      this.#at = 0;
    }
    const batch = this.#batches[this.#at++];
    if (!batch) return undefined;
    const start = performance.now();
    const space = { buffer: this.#space, byteOffset: 0, words: memory.arrays.slotWords };
    writeMessage(space, batch, this.#maker.draw(batch, this.#epoch), this.#maker.plan.data);
    const prepared = readMessage(space, this.#maker.plan.data);
    memory.countCompute(this.#rank, 'prepare', (performance.now() - start) / 1000);
    this.#last = batch;
    return use(prepared);
  }

  acknowledge(): void {
    this.#memory.move(this.#last!, PENDING, TRAINED);
  }
}
