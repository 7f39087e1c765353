/**
 * Memory that all workers of a pipeline share: the state of every batch of the epoch, the queues between workers, who is
 * alive, and a counter that every change bumps and everybody who waits sleeps on.
 */
import { performance } from 'node:perf_hooks';
import { OptionError, sharedFloat64, sharedInt32 } from '@strata-ml/core';
import type { MessageSpace } from './batchMessage.js';
import { withLock } from './Mutex.js';
import type { Schedule, ScheduledBatch } from './schedule.js';

/** State of a batch. From {@link MAKING} on: that plus the batch worker that prepares it. */
export const PENDING = 0;
/** In its queue. */
export const READY = 1;
/** Out of its queue, in training. */
export const TAKEN = 2;
/** Trained, and its batch worker told so. */
export const TRAINED = 3;
/** Its batch worker was lost and nobody else prepares it. */
export const LOST = 4;
/** See {@link PENDING}. */
export const MAKING = 16;

/** Plain data of a {@link PipelineMemory}; arrays are shared. */
export interface PipelineArrays {
  readonly schedule: Schedule;
  /** Messages that a queue holds. */
  readonly queue: number;
  /** Messages of a batch worker that are not trained yet, at most. */
  readonly inFlight: number;
  readonly slotWords: number;
  readonly signal: Int32Array;
  readonly lock: Int32Array;
  /** Epoch, 0 before the first; changes of `alive`; failed; last compute worker that left the epoch; batches left in it. */
  readonly control: Int32Array;
  readonly alive: Int32Array;
  readonly state: Int32Array;
  readonly madeBy: Int32Array;
  readonly unacknowledged: Int32Array;
  readonly consumed: Int32Array;
  readonly slots: readonly SharedArrayBuffer[];
  /** Seconds and counts of each worker, see {@link BATCH_COUNTERS} and {@link COMPUTE_COUNTERS}. */
  readonly batchCounters: Float64Array;
  readonly computeCounters: Float64Array;
}

/** Counters of a batch worker. Seconds: drawing, writing messages, waiting for room, without work. */
export const BATCH_COUNTERS = ['sample', 'slice', 'blocked', 'idle', 'batches', 'rows', 'remoteRows', 'bytes'] as const;
/** Counters of a compute worker. Seconds: waiting for a batch, preparing it itself, computing, waiting for the others. */
export const COMPUTE_COUNTERS = ['receive', 'prepare', 'compute', 'sync', 'batches', 'seeds'] as const;
/** One of {@link BATCH_COUNTERS}. */
export type BatchCounter = (typeof BATCH_COUNTERS)[number];
/** One of {@link COMPUTE_COUNTERS}. */
export type ComputeCounter = (typeof COMPUTE_COUNTERS)[number];

const EPOCH = 0;
const VERSION = 1;
const FAILED = 2;
const LAST = 3;
const LEFT = 4;

/** The shared memory, seen from one thread. */
export class PipelineMemory {
  readonly arrays: PipelineArrays;

  constructor(arrays: PipelineArrays) {
    this.arrays = arrays;
  }

  /**
   * Makes the memory; called once, by the thread that starts the workers.
   *
   * @throws {@link OptionError} if the queues do not fit the address space.
   */
  static create(
    schedule: Schedule,
    sizes: {
      readonly batchWorkers: number;
      readonly computeWorkers: number;
      readonly queue: number;
      readonly inFlight: number;
      readonly slotWords: number;
    },
  ): PipelineMemory {
    const { batchWorkers, computeWorkers, queue, inFlight, slotWords } = sizes;
    const count = schedule.batches.length;
    return new PipelineMemory({
      schedule,
      queue,
      inFlight,
      slotWords,
      signal: sharedInt32(1),
      lock: sharedInt32(1),
      control: sharedInt32(5),
      alive: sharedInt32(batchWorkers).fill(1),
      state: sharedInt32(count),
      madeBy: sharedInt32(count),
      unacknowledged: sharedInt32(batchWorkers),
      consumed: sharedInt32(schedule.lanes.length),
      slots: schedule.lanes.map(() => allocate(queue, slotWords)),
      batchCounters: sharedFloat64(batchWorkers * BATCH_COUNTERS.length),
      computeCounters: sharedFloat64(computeWorkers * COMPUTE_COUNTERS.length),
    });
  }

  get epoch(): number {
    return Atomics.load(this.arrays.control, EPOCH);
  }

  /** Grows whenever a batch worker is lost. */
  get version(): number {
    return Atomics.load(this.arrays.control, VERSION);
  }

  /** True once batches were lost for good. */
  get hasFailed(): boolean {
    return Atomics.load(this.arrays.control, FAILED) === 1;
  }

  /** True while batches of the epoch are neither trained nor lost. */
  get isEpochRunning(): boolean {
    return Atomics.load(this.arrays.control, LEFT) > 0;
  }

  /** The compute worker that left the epoch last; its model is everybody's. */
  get lastActive(): number {
    return Atomics.load(this.arrays.control, LAST);
  }

  set lastActive(rank: number) {
    Atomics.store(this.arrays.control, LAST, rank);
  }

  /** Place of the message of a batch. */
  spaceOf({ lane, place }: ScheduledBatch): MessageSpace {
    const { slots, queue, slotWords } = this.arrays;
    return { buffer: slots[lane]!, byteOffset: 4 * slotWords * (place % queue), words: slotWords };
  }

  /** True if the queue of a batch has a place for it. */
  hasRoom({ lane, place }: ScheduledBatch): boolean {
    return place - Atomics.load(this.arrays.consumed, lane) < this.arrays.queue;
  }

  /** The batch worker that has to prepare a batch now: its own, or if that is lost one of the others; −1 if none is left. */
  makerOf({ maker, id }: ScheduledBatch): number {
    const { alive } = this.arrays;
    if (Atomics.load(alive, maker) === 1) return maker;
    const left = Array.from(alive.keys()).filter((worker) => Atomics.load(alive, worker) === 1);
    return left.length === 0 ? -1 : left[id % left.length]!;
  }

  stateOf({ id }: ScheduledBatch): number {
    return Atomics.load(this.arrays.state, id);
  }

  /** Moves a batch from one state to another; false if it was in neither's hands. */
  move({ id }: ScheduledBatch, from: number, to: number): boolean {
    if (Atomics.compareExchange(this.arrays.state, id, from, to) !== from) return false;
    if (to === TRAINED || to === LOST) Atomics.sub(this.arrays.control, LEFT, 1);
    this.wake();
    return true;
  }

  /**
   * Starts the next epoch: all batches are pending, all queues empty. Called when no batch is in anybody's hands.
   *
   * @returns false if batches were lost: there is no next epoch then
   */
  startEpoch(): boolean {
    const { state, consumed, unacknowledged, control, lock } = this.arrays;
    return withLock(lock, () => {
      if (this.hasFailed) return false;
      state.fill(PENDING);
      consumed.fill(0);
      unacknowledged.fill(0);
      Atomics.store(control, LEFT, state.length);
      Atomics.add(control, EPOCH, 1);
      this.wake();
      return true;
    });
  }

  /**
   * Takes a batch worker that is lost out: what it had not put into a queue goes to the others, or is lost.
   *
   * @returns the batches that it leaves behind
   */
  bury(worker: number, policy: 'requeue' | 'fail'): ScheduledBatch[] {
    const { alive, lock, control, schedule } = this.arrays;
    return withLock(lock, () => {
      Atomics.store(alive, worker, 0);
      const isRequeued = policy === 'requeue' && alive.some((_, other) => Atomics.load(alive, other) === 1);
      const left = schedule.batches.filter((batch) => {
        const state = this.stateOf(batch);
        if (state === MAKING + worker) return this.move(batch, state, isRequeued ? PENDING : LOST);
        const isWaiting = state === PENDING && (isRequeued ? batch.maker === worker : this.#isOrphan(batch, worker));
        return isWaiting && (isRequeued || this.move(batch, PENDING, LOST));
      });
      if (!isRequeued) Atomics.store(control, FAILED, 1);
      // Last: who sees the new version sees all of the above.
      Atomics.add(control, VERSION, 1);
      this.wake();
      return this.epoch === 0 ? [] : left;
    });
  }

  /** Wakes everybody who sleeps. */
  wake(): void {
    Atomics.add(this.arrays.signal, 0, 1);
    Atomics.notify(this.arrays.signal, 0);
  }

  /**
   * Sleeps until `isDone` holds.
   *
   * @returns false if it did not within `timeoutMs`
   */
  waitUntil(isDone: () => boolean, timeoutMs = Number.POSITIVE_INFINITY): boolean {
    const { signal } = this.arrays;
    const end = performance.now() + timeoutMs;
    for (;;) {
      const seen = Atomics.load(signal, 0);
      if (isDone()) return true;
      const left = end - performance.now();
      if (left <= 0) return false;
      Atomics.wait(signal, 0, seen, left);
    }
  }

  /** True if nobody else will prepare what was the worker's to prepare. */
  #isOrphan(batch: ScheduledBatch, worker: number): boolean {
    return batch.maker === worker || this.makerOf(batch) === -1;
  }

  /** Adds to a counter of batch worker `worker`. */
  countBatch(worker: number, counter: BatchCounter, amount: number): void {
    this.arrays.batchCounters[worker * BATCH_COUNTERS.length + BATCH_COUNTERS.indexOf(counter)]! += amount;
  }

  /** Adds to a counter of compute worker `rank`. */
  countCompute(rank: number, counter: ComputeCounter, amount: number): void {
    this.arrays.computeCounters[rank * COMPUTE_COUNTERS.length + COMPUTE_COUNTERS.indexOf(counter)]! += amount;
  }

  /** Sets the counters of a worker back to zero; called by the worker itself. */
  resetCounters(kind: 'batch' | 'compute', worker: number): void {
    const [counters, width] =
      kind === 'batch'
        ? [this.arrays.batchCounters, BATCH_COUNTERS.length]
        : [this.arrays.computeCounters, COMPUTE_COUNTERS.length];
    counters.fill(0, worker * width, (worker + 1) * width);
  }
}

function allocate(queue: number, slotWords: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(4 * queue * slotWords);
  } catch {
    const remedy = 'use smaller batches or fan-outs, or fewer places';
    throw new OptionError('trainDisaggregated', 'queue', queue, `places for ${4 * slotWords} bytes each`, remedy);
  }
}
