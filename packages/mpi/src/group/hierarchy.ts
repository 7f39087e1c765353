/**
 * Hierarchical all-reduce: reduce-scatter inside the server, all-reduce of each shard across servers, all-gather inside
 * the server. Of n bytes only n / devicesPerServer per rank cross servers, instead of nearly all.
 *
 * Each step has a communicator of its own and runs in the order in which the all-reduces were called: several in flight
 * then meet in the same order on every rank, whenever a step of one of them happens to complete.
 */
import type { AllReduceOptions, CommArray, Work } from '@strata-ml/core';
import type { MpiProcessGroup } from './MpiProcessGroup.js';
import { segmentCounts } from './traffic.js';

type Step = () => Work;

/** The two levels of a world, each step on its own communicator. */
export interface Levels {
  readonly scatter: MpiProcessGroup;
  readonly cross: MpiProcessGroup;
  readonly gather: MpiProcessGroup;
}

/** The hierarchical all-reduce of one world. Servers must have equally many ranks. */
export class Hierarchy {
  /** Whether `algorithm: 'auto'` takes this way. */
  readonly isPreferred: boolean;
  readonly #levels: Levels;
  /** All-reduces not yet through, in the order of the calls. */
  readonly #queue: StagedWork[] = [];

  constructor(levels: Levels, isPreferred: boolean) {
    this.#levels = levels;
    this.isPreferred = isPreferred;
  }

  allReduce(data: CommArray, options: AllReduceOptions): void {
    for (const work of [...this.#queue]) work.wait();
    const { scatter, cross, gather } = this.#levels;
    const { counts, shard } = this.#shard(data);
    scatter.reduceScatterV(data, counts, shard, options);
    cross.allReduce(shard, { ...options, algorithm: 'flat' });
    gather.allGatherV(shard, data, counts, options);
  }

  allReduceAsync(data: CommArray, options: AllReduceOptions): Work {
    const { scatter, cross, gather } = this.#levels;
    const { counts, shard } = this.#shard(data);
    const steps: Step[] = [
      () => scatter.reduceScatterVAsync(data, counts, shard, options),
      () => cross.allReduceAsync(shard, { ...options, algorithm: 'flat' }),
      () => gather.allGatherVAsync(shard, data, counts, options),
    ];
    const work = new StagedWork(steps, this.#queue);
    this.#queue.push(work);
    work.advanceTo(1);
    return work;
  }

  #shard(data: CommArray): { counts: number[]; shard: CommArray } {
    const { rank, size } = this.#levels.scatter;
    const counts = segmentCounts(data.length, size);
    const shard = new (data.constructor as new (n: number) => CommArray)(counts[rank]!);
    return { counts, shard };
  }
}

/** Steps that run one after the other, each after the same step of every earlier work. */
class StagedWork implements Work {
  readonly #steps: readonly Step[];
  readonly #queue: StagedWork[];
  readonly #started: Work[] = [];
  #done: Promise<void> | undefined;

  constructor(steps: readonly Step[], queue: StagedWork[]) {
    this.#steps = steps;
    this.#queue = queue;
  }

  /** Starts the first `count` steps; the one before each must be complete. */
  advanceTo(count: number): void {
    while (this.#started.length < count) this.#started.push(this.#steps[this.#started.length]!());
  }

  wait(): void {
    for (let step = 0; step < this.#steps.length; step++) {
      // Earlier all-reduces go first through each step; waiting for theirs costs nothing, everyone has to do it.
      for (const earlier of this.#before()) earlier.#complete(step);
      this.#complete(step);
    }
    this.#leave();
  }

  get done(): Promise<void> {
    this.#done ??= this.#run();
    return this.#done;
  }

  async #run(): Promise<void> {
    for (const earlier of this.#before()) await earlier.done;
    for (let step = 0; step < this.#steps.length; step++) {
      this.advanceTo(step + 1);
      await this.#started[step]!.done;
    }
    this.#leave();
  }

  #complete(step: number): void {
    this.advanceTo(step + 1);
    this.#started[step]!.wait();
  }

  #before(): StagedWork[] {
    const at = this.#queue.indexOf(this);
    return at < 0 ? [] : this.#queue.slice(0, at);
  }

  #leave(): void {
    const at = this.#queue.indexOf(this);
    if (at >= 0) this.#queue.splice(at, 1);
  }
}
