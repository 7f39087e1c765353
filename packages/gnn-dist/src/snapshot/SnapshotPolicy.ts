/** Draws from snapshots: modes `fcr`, `otf` and `swap`. */
import type { AdjacencyStore } from './AdjacencyStore.js';
import { BackgroundRefresh } from './BackgroundRefresh.js';
import { drawPositions, drawStored } from './drawPositions.js';
import { StaticLists } from './ListCache.js';
import type { DrawCounts, DrawRequest, NeighbourPolicy } from './NeighbourPolicy.js';
import { cacheNumber, refreshSnapshots } from './refreshSnapshots.js';
import { layOutSnapshots, mergeDistinct, SnapshotCache } from './SnapshotCache.js';
import type { ResolvedSnapshotOptions } from './snapshotOptions.js';
import type { SampleStreams } from './streams.js';

/**
 * Keeps and refreshes snapshots, a cache per layer or one for all. Vertices up to the degree threshold keep whole lists; vertices
 * that updates touched are drawn from the store's list of them.
 */
export class SnapshotPolicy implements NeighbourPolicy {
  readonly #store: AdjacencyStore;
  readonly #options: ResolvedSnapshotOptions;
  readonly #streams: SampleStreams;
  readonly #counts: DrawCounts;
  readonly #caches: readonly SnapshotCache[];
  readonly #sparse: StaticLists;
  readonly #background: BackgroundRefresh | undefined;

  constructor(store: AdjacencyStore, options: ResolvedSnapshotOptions, streams: SampleStreams, counts: DrawCounts) {
    const { fanouts, shared, alpha, degreeThreshold, mode, background, seed } = options;
    this.#store = store;
    this.#options = options;
    this.#streams = streams;
    this.#counts = counts;
    const sizes = (shared ? [Math.max(...fanouts)] : fanouts).map((fanout) => Math.floor(alpha * fanout));
    this.#caches = sizes.map((size, i) => {
      const cache = new SnapshotCache(store, layOutSnapshots(store, size, degreeThreshold));
      cache.fill(streams.build(0, cacheNumber(i, shared)), 0);
      return cache;
    });
    const vertices = Int32Array.from({ length: store.numVertices }, (_, v) => v);
    this.#sparse = new StaticLists(
      store,
      vertices.filter((v) => store.storedDegree(v) > 0 && store.storedDegree(v) <= degreeThreshold),
    );
    if (background)
      this.#background = new BackgroundRefresh(
        store,
        this.#caches,
        { mode, shared, refreshRate: options.refreshRate },
        seed,
      );
  }

  get cacheBytes(): number {
    const snapshots = this.#caches.reduce((sum, cache) => sum + cache.bytes, 0);
    return snapshots + this.#sparse.bytes + this.#store.changedBytes + (this.#background?.bytes ?? 0);
  }

  get backgroundBytes(): number {
    return this.#background?.storageBytes ?? 0;
  }

  beginCall(call: number): void {
    this.#background?.flip();
    const { mode, refresh } = this.#options;
    const isFull = mode === 'fcr' || (mode === 'otf' && refresh === 'full');
    if (!isFull || !this.#isDue(call)) return;
    if (this.#background) this.#background.start(call);
    else refreshSnapshots(this.#caches, this.#options, this.#streams, call);
  }

  draw(request: DrawRequest): void {
    const { call, layer, vertices, indptr, out } = request;
    const { mode, refresh, fetch, fetchPeriod, refreshRate, fanouts, shared } = this.#options;
    const cache = this.#caches[shared ? 0 : layer]!;
    const isStored = (v: number) => !this.#store.changedList(v) && cache.has(v) && !cache.isComplete(v);
    const isPartial = mode === 'otf' && refresh === 'partial';
    if (isPartial && fetch === 'full' && this.#isDue(call)) {
      const count = Math.round(refreshRate * fanouts[layer]!);
      cache.turnOver(count, this.#streams.other('refresh', call, layer), vertices.filter(isStored));
    }
    const fetches = (mode === 'swap' || (mode === 'otf' && fetch === 'partial')) && call % fetchPeriod === 0;
    const rng = this.#streams.draw(call, layer);
    const fresh: number[] = [];
    vertices.forEach((v, row) => {
      const begin = indptr[row]!;
      const count = indptr[row + 1]! - begin;
      if (count === 0) return;
      const snapshot = isStored(v);
      if (snapshot && fetches) {
        fresh.push(row);
        return;
      }
      const list = this.#store.changedList(v) ?? (cache.has(v) ? cache.list(v) : this.#sparse.get(v)!);
      // A list built in this call is in random order already: its head is what storage would have given.
      const isNew = snapshot && cache.builtAt === call && !shared;
      if (isNew) out.set(list.subarray(0, count), begin);
      else {
        const positions = drawPositions(list.length, count, rng, v);
        for (let k = 0; k < count; k++) out[begin + k] = list[positions[k]!]!;
      }
      if (snapshot && cache.builtAt !== call) this.#counts.stale += count;
    });
    this.#counts.lists += vertices.length;
    this.#counts.hits += vertices.length - fresh.length;
    if (fresh.length > 0) this.#drawBoth(request, cache, Int32Array.from(fresh), isPartial || mode === 'swap');
  }

  dispose(): void {
    this.#background?.dispose();
  }

  #isDue(call: number): boolean {
    return call > 0 && call % this.#options.period === 0;
  }

  /** φ of the neighbours from the snapshot, the others from storage; no neighbour twice. */
  #drawBoth(
    { call, layer, vertices, indptr, out }: DrawRequest,
    cache: SnapshotCache,
    rows: Int32Array,
    keeps: boolean,
  ) {
    const { fanouts, fetchRate, mode } = this.#options;
    const fanout = fanouts[layer]!;
    const fromCache = Math.floor(fetchRate * fanout);
    const wanted = rows.map((row) => vertices[row]!);
    // As many as are needed if all that the snapshot gives come again.
    const stored = drawStored(this.#store, wanted, fanout, this.#streams.draw(call, layer));
    const cached = this.#streams.other('cached', call, layer);
    const insertion = this.#streams.other('insert', call, layer);
    rows.forEach((row, i) => {
      const v = wanted[i]!;
      const list = cache.list(v);
      const used = drawPositions(list.length, fromCache, cached, v).map((at) => list[at]!);
      const sequence = stored.sources.subarray(stored.indptr[i], stored.indptr[i + 1]);
      const merged = mergeDistinct(used, sequence, fanout);
      out.set(merged, indptr[row]);
      if (cache.builtAt !== call) this.#counts.stale += used.length;
      if (keeps) cache.insert(v, merged.subarray(used.length), mode === 'swap' ? used : undefined, insertion);
    });
  }
}
