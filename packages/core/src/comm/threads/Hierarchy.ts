/**
 * All-reduce in three steps: reduce-scatter inside each server, all-reduce across servers of each shard, all-gather
 * inside each server. Between servers each byte crosses 2(S − 1)/S times per server, instead of once per device.
 *
 * Servers may have different numbers of devices: there are as many shards as the smallest has devices, and the devices
 * beyond only contribute to and receive from their server. Large arrays go in chunks, so that the steps overlap. Each
 * step has a group of its own in which chunks follow one another, so all ranks issue the same calls in the same order.
 */
import { evenCounts } from '../blocks.js';
import type { Pending } from '../Pending.js';
import type { CommArray, ReduceOptions } from '../ProcessGroup.js';
import type { Endpoint, Progressor } from './Endpoint.js';
import type { ThreadGroup } from './ThreadGroup.js';

/** Bytes of a chunk. */
const CHUNK_BYTES = 4 * 2 ** 20;

interface Chunk {
  readonly data: CommArray;
  readonly shard: CommArray;
  readonly counts: readonly number[];
  readonly options: ReduceOptions;
  readonly owner: HierarchicalAllReduce;
  /** 0 scattering, 1 across, 2 gathering, 3 done. */
  step: number;
  pending: Pending;
}

class HierarchicalAllReduce implements Pending {
  readonly name: string;
  isDone = false;
  error: Error | undefined;
  advances = 0;
  left = 0;
  chunks: readonly Chunk[] = [];

  constructor(name: string) {
    this.name = name;
  }

  missing(): readonly number[] {
    return this.chunks.find((c) => c.step < 3)?.pending.missing() ?? [];
  }
}

/** The hierarchical all-reduces of one group. Made collectively. */
export class Hierarchy implements Progressor {
  readonly #end: Endpoint;
  readonly #scatter: ThreadGroup;
  readonly #gather: ThreadGroup;
  readonly #across: ThreadGroup;
  readonly #shards: number;
  #chunks: Chunk[] = [];

  constructor(end: Endpoint, group: ThreadGroup) {
    this.#end = end;
    const { serverOf } = end.fabric;
    const sizes = new Map<number, number>();
    for (const r of group.ranks) sizes.set(serverOf[r]!, (sizes.get(serverOf[r]!) ?? 0) + 1);
    this.#shards = Math.min(...sizes.values());
    const server = serverOf[end.rank]!;
    this.#scatter = group.split(server);
    this.#gather = group.split(server);
    this.#across = group.split(this.#scatter.rank);
  }

  start(data: CommArray, options: ReduceOptions, name: string): Pending {
    const whole = new HierarchicalAllReduce(name);
    const perChunk = Math.floor(CHUNK_BYTES / data.BYTES_PER_ELEMENT);
    const chunks: Chunk[] = [];
    for (let begin = 0; begin === 0 || begin < data.length; begin += perChunk) {
      const part = data.subarray(begin, begin + perChunk);
      const counts = evenCounts(part.length, this.#shards);
      while (counts.length < this.#scatter.size) counts.push(0);
      const shard = data.slice(0, counts[this.#scatter.rank]!);
      const pending = this.#scatter.startReduceScatter(part, counts, shard, options, false);
      chunks.push({ data: part, shard, counts, options, owner: whole, step: 0, pending });
    }
    whole.chunks = chunks;
    whole.left = chunks.length;
    this.#chunks.push(...chunks);
    this.#end.active.add(this);
    this.progress();
    return whole;
  }

  progress(): number {
    let next = Number.POSITIVE_INFINITY;
    let hasMoved = true;
    while (hasMoved) {
      hasMoved = false;
      next = Math.min(this.#scatter.progress(), this.#across.progress(), this.#gather.progress());
      let before = 4;
      for (const chunk of this.#chunks) {
        // A chunk enters a step only after the one before it did.
        if (chunk.step < 3 && chunk.pending.isDone && before > chunk.step) {
          this.#advance(chunk);
          hasMoved = true;
        }
        before = chunk.step;
      }
      this.#chunks = this.#chunks.filter((c) => c.step < 3);
    }
    if (this.#chunks.length === 0) this.#end.active.delete(this);
    return next;
  }

  #advance(chunk: Chunk): void {
    const { owner, options } = chunk;
    chunk.step++;
    owner.advances++;
    if (chunk.pending.error) {
      owner.error ??= chunk.pending.error;
      owner.isDone = true;
      chunk.step = 3;
    } else if (chunk.step === 1) {
      const hasShard = this.#scatter.rank < this.#shards;
      if (hasShard) chunk.pending = this.#across.startFlatAllReduce(chunk.shard, options, false);
    } else if (chunk.step === 2) {
      chunk.pending = this.#gather.startAllGather(chunk.shard, chunk.data, chunk.counts, options, false);
    } else if (--owner.left === 0) owner.isDone = true;
  }
}
