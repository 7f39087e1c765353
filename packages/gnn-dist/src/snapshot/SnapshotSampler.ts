/**
 * Neighbour sampling that reads storage rarely: neighbours are drawn from a snapshot of each vertex's list, which is drawn anew,
 * wholly or in part, every few calls.
 *
 * What it costs: within a period only ⌊α·f⌋ distinct neighbours of a vertex ever appear. Over many periods every neighbour is
 * drawn equally often. After GraphSnapShot (arXiv:2406.17918), with these repairs: no list holds a neighbour twice; the degree
 * threshold is a rule per vertex and drops no edge; the stated period is the one in use; blocks chain; edges may change.
 */
import { OptionError } from '@strata-ml/core';
import type { AdjacencyStore } from './AdjacencyStore.js';
import type { EdgeUpdates } from './EdgeUpdates.js';
import { LruLists, StaticLists } from './ListCache.js';
import { ListPolicy } from './listPolicy.js';
import type { DrawCounts, NeighbourPolicy } from './NeighbourPolicy.js';
import { type SampledBlock, sourcesOf } from './SampledBlock.js';
import { SnapshotPolicy } from './SnapshotPolicy.js';
import { type ResolvedSnapshotOptions, resolveSnapshotOptions, type SnapshotOptions } from './snapshotOptions.js';
import { chooseStatic } from './staticOrder.js';
import { SampleStreams } from './streams.js';

/** Statistics of a {@link SnapshotSampler} since it was made. */
export interface SnapshotStats {
  readonly calls: number;
  /** Share of lists drawn from that needed no storage. */
  readonly hits: number;
  /** Bytes of pages read, building and refreshing caches included. */
  readonly storageBytes: number;
  /** Of these, what building the cache took. */
  readonly setupBytes: number;
  /** Bytes that lists are kept in now. */
  readonly cacheBytes: number;
  /** Share of drawn neighbours from a snapshot of an earlier call that was not the whole list. */
  readonly staleShare: number;
  /** Distinct neighbours seen ÷ neighbours of all vertices drawn for, over all layers; NaN unless tracked. */
  readonly coverage: number;
}

/** Samples batches. One thread owns a sampler; equal seeds give equal batches, unless it refreshes in the background. */
export class SnapshotSampler {
  readonly options: ResolvedSnapshotOptions;
  readonly #store: AdjacencyStore;
  readonly #streams: SampleStreams;
  readonly #policy: NeighbourPolicy;
  readonly #counts: DrawCounts = { lists: 0, hits: 0, drawn: 0, stale: 0 };
  readonly #scratch: Uint8Array;
  readonly #startBytes: number;
  readonly #setupBytes: number;
  /** v · n + u of each edge seen. */
  readonly #seen: Set<number> | undefined;
  #calls = 0;

  /**
   * Builds the caches: reads the store.
   *
   * @throws {@link OptionError} naming the first option out of range.
   */
  constructor(store: AdjacencyStore, options: SnapshotOptions) {
    this.options = resolveSnapshotOptions(options);
    this.#store = store;
    this.#streams = new SampleStreams(this.options.seed);
    this.#scratch = new Uint8Array(store.numVertices);
    this.#seen = this.options.trackCoverage ? new Set() : undefined;
    this.#startBytes = store.traffic.storageBytes;
    this.#policy = this.#makePolicy();
    this.#setupBytes = store.traffic.storageBytes - this.#startBytes;
  }

  /**
   * Draws the blocks of one batch, the input layer first; blocks until storage has given what is read.
   *
   * @param seeds - vertices, none twice
   * @throws {@link OptionError} for a seed that is no vertex, or is there twice.
   */
  sample(seeds: Int32Array): SampledBlock[] {
    this.#checkSeeds(seeds);
    const call = this.#calls++;
    this.#policy.beginCall(call);
    const blocks: SampledBlock[] = [];
    let vertices = seeds;
    for (let layer = this.options.fanouts.length - 1; layer >= 0; layer--) {
      const fanout = this.options.fanouts[layer]!;
      const indptr = new Int32Array(vertices.length + 1);
      vertices.forEach((v, i) => {
        indptr[i + 1] = indptr[i]! + Math.min(fanout, this.#store.degree(v));
      });
      const neighbours = new Int32Array(indptr[vertices.length]!);
      this.#policy.draw({ call, layer, vertices, indptr, out: neighbours });
      // Sums are formed in this order: equal samples give equal bits, whatever they were drawn from.
      vertices.forEach((_, i) => void neighbours.subarray(indptr[i], indptr[i + 1]).sort());
      this.#counts.drawn += neighbours.length;
      this.#note(vertices, indptr, neighbours);
      const sources = sourcesOf(vertices, neighbours, this.#scratch);
      blocks.unshift({ numDestinations: vertices.length, sources, indptr, neighbours });
      vertices = sources;
    }
    return blocks;
  }

  /** Changes the graph: a removed edge is never drawn again, also not from a cache; see {@link AdjacencyStore.applyUpdates}. */
  applyUpdates(updates: EdgeUpdates): void {
    this.#store.applyUpdates(updates);
  }

  stats(): SnapshotStats {
    const { lists, hits, drawn, stale } = this.#counts;
    return {
      calls: this.#calls,
      hits: lists === 0 ? 0 : hits / lists,
      storageBytes: this.#store.traffic.storageBytes - this.#startBytes + this.#policy.backgroundBytes,
      setupBytes: this.#setupBytes,
      cacheBytes: this.#policy.cacheBytes,
      staleShare: drawn === 0 ? 0 : stale / drawn,
      coverage: this.#coverage(),
    };
  }

  /** Ends the background thread; the store stays open. */
  dispose(): void {
    this.#policy.dispose();
  }

  #makePolicy(): NeighbourPolicy {
    const { options } = this;
    const list = (cache?: LruLists | StaticLists) => new ListPolicy(this.#store, this.#streams, this.#counts, cache);
    switch (options.mode) {
      case 'fbl':
        return list();
      case 'lru':
        return list(new LruLists(options.budgetBytes));
      case 'static':
        return list(new StaticLists(this.#store, chooseStatic(this.#store, options)));
      default:
        return new SnapshotPolicy(this.#store, options, this.#streams, this.#counts);
    }
  }

  #checkSeeds(seeds: Int32Array): void {
    const n = this.#store.numVertices;
    const seen = new Set<number>();
    seeds.forEach((v, i) => {
      if (!(v >= 0 && v < n)) throw new OptionError('sample', `seed ${i}`, v, `a vertex in 0 … ${n - 1}`);
      if (seen.has(v)) throw new OptionError('sample', `seed ${i}`, v, 'there once only');
      seen.add(v);
    });
  }

  #note(vertices: Int32Array, indptr: Int32Array, neighbours: Int32Array): void {
    if (!this.#seen) return;
    const n = this.#store.numVertices;
    vertices.forEach((v, i) => {
      for (let e = indptr[i]!; e < indptr[i + 1]!; e++) this.#seen?.add(v * n + neighbours[e]!);
    });
  }

  #coverage(): number {
    if (!this.#seen) return Number.NaN;
    const n = this.#store.numVertices;
    const vertices = new Set(Array.from(this.#seen, (edge) => Math.floor(edge / n)));
    let total = 0;
    for (const v of vertices) total += this.#store.degree(v);
    return total === 0 ? 0 : this.#seen.size / total;
  }
}
