/**
 * Hierarchical all-reduce: reduce-scatter inside the server, all-reduce of each shard across servers, all-gather inside
 * the server. Between servers each byte crosses 2(S − 1)/S times per server, instead of nearly that for each device.
 *
 * Servers may have different numbers of devices: there are as many shards as the smallest has devices, and the devices
 * beyond only contribute to and receive from their server. Each step has a communicator of its own and runs in the order
 * in which the all-reduces were called: several in flight then meet in the same order on every rank, whenever a step of
 * one of them happens to complete. Long arrays go in chunks, as on the thread transport, so that both count alike.
 */
import type { AllReduceOptions, CommArray, Work } from '@strata-ml/core';
import type { MpiProcessGroup } from './MpiProcessGroup.js';
import { evenCounts } from './traffic.js';

/** Bytes of a chunk. */
const CHUNK_BYTES = 4 * 2 ** 20;

interface Chunk {
  readonly data: CommArray;
  readonly shard: CommArray;
  readonly counts: readonly number[];
}

/** The hierarchical all-reduces of one group. Made collectively. */
export class Hierarchy {
  readonly #scatter: MpiProcessGroup;
  readonly #across: MpiProcessGroup;
  readonly #gather: MpiProcessGroup;
  readonly #shards: number;
  /** Chunks not yet through, in the order of the calls. */
  readonly #queue: StagedWork[] = [];

  /** @param serverOf - server of each rank of the group, in group order */
  constructor(group: MpiProcessGroup, serverOf: readonly number[]) {
    const sizes = new Map<number, number>();
    for (const server of serverOf) sizes.set(server, (sizes.get(server) ?? 0) + 1);
    this.#shards = Math.min(...sizes.values());
    const server = serverOf[group.rank]!;
    this.#scatter = group.split(server);
    this.#gather = group.split(server);
    this.#across = group.split(this.#scatter.rank);
  }

  allReduce(data: CommArray, options: AllReduceOptions): void {
    for (const work of [...this.#queue]) work.wait();
    for (const chunk of this.#chunks(data)) {
      this.#scatter.reduceScatterV(chunk.data, chunk.counts, chunk.shard, options);
      if (this.#hasShard) this.#across.allReduce(chunk.shard, { ...options, algorithm: 'flat' });
      this.#gather.allGatherV(chunk.shard, chunk.data, chunk.counts, options);
    }
  }

  allReduceAsync(data: CommArray, options: AllReduceOptions): Work {
    const works = this.#chunks(data).map((chunk) => {
      const steps = [
        () => this.#scatter.reduceScatterVAsync(chunk.data, chunk.counts, chunk.shard, options),
        ...(this.#hasShard ? [() => this.#across.allReduceAsync(chunk.shard, { ...options, algorithm: 'flat' })] : []),
        () => this.#gather.allGatherVAsync(chunk.shard, chunk.data, chunk.counts, options),
      ];
      const work = new StagedWork(steps, this.#queue);
      this.#queue.push(work);
      work.advanceTo(1);
      return work;
    });
    // Chunks go through in order, so the last one is done last.
    return works[works.length - 1]!;
  }

  get #hasShard(): boolean {
    return this.#scatter.rank < this.#shards;
  }

  #chunks(data: CommArray): Chunk[] {
    const perChunk = Math.floor(CHUNK_BYTES / data.BYTES_PER_ELEMENT);
    const chunks: Chunk[] = [];
    for (let begin = 0; begin === 0 || begin < data.length; begin += perChunk) {
      const part = data.subarray(begin, begin + perChunk);
      const counts = evenCounts(part.length, this.#shards);
      while (counts.length < this.#scatter.size) counts.push(0);
      chunks.push({ data: part, counts, shard: part.slice(0, counts[this.#scatter.rank]!) });
    }
    return chunks;
  }
}

/** Steps that run one after the other, each after the same step of every earlier work. */
class StagedWork implements Work {
  readonly #steps: readonly (() => Work)[];
  readonly #queue: StagedWork[];
  readonly #started: Work[] = [];
  #done: Promise<void> | undefined;

  constructor(steps: readonly (() => Work)[], queue: StagedWork[]) {
    this.#steps = steps;
    this.#queue = queue;
  }

  /** Starts the first `count` steps; the one before each must be complete. */
  advanceTo(count: number): void {
    while (this.#started.length < count) this.#started.push(this.#steps[this.#started.length]!());
  }

  wait(): void {
    const earlier = this.#before();
    for (let step = 0; step < this.#steps.length; step++) {
      // Earlier chunks go first through each step; waiting for theirs costs nothing, every rank has to do it.
      for (const work of earlier) work.#complete(step);
      this.#complete(step);
    }
    for (const work of earlier) work.#leave();
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
