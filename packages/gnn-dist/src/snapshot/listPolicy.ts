/** Draws from whole lists: from storage, or from a cache of lists in front of it. The draws are the same either way. */
import type { AdjacencyStore } from './AdjacencyStore.js';
import { drawPositions, drawStored } from './drawPositions.js';
import type { ListCache } from './ListCache.js';
import type { DrawCounts, DrawRequest, NeighbourPolicy } from './NeighbourPolicy.js';
import type { SampleStreams } from './streams.js';

/** Policy of `fbl` (no cache), `lru` and `static`. */
export class ListPolicy implements NeighbourPolicy {
  readonly backgroundBytes = 0;
  readonly #store: AdjacencyStore;
  readonly #streams: SampleStreams;
  readonly #counts: DrawCounts;
  readonly #cache: ListCache | undefined;

  constructor(store: AdjacencyStore, streams: SampleStreams, counts: DrawCounts, cache?: ListCache) {
    this.#store = store;
    this.#streams = streams;
    this.#counts = counts;
    this.#cache = cache;
  }

  get cacheBytes(): number {
    return (this.#cache?.bytes ?? 0) + this.#store.changedBytes;
  }

  beginCall(): void {}

  draw({ call, layer, vertices, indptr, out }: DrawRequest): void {
    const rng = this.#streams.draw(call, layer);
    const fromList = (row: number, list: Int32Array) => {
      const begin = indptr[row]!;
      const positions = drawPositions(list.length, indptr[row + 1]! - begin, rng, vertices[row]!);
      positions.forEach((position, k) => {
        out[begin + k] = list[position]!;
      });
    };
    const missing: number[] = [];
    vertices.forEach((v, row) => {
      const list = this.#store.changedList(v) ?? this.#cache?.get(v);
      if (list) fromList(row, list);
      else if (indptr[row + 1]! > indptr[row]!) missing.push(row);
    });
    this.#counts.lists += vertices.length;
    this.#counts.hits += vertices.length - missing.length;
    const wanted = Int32Array.from(missing, (row) => vertices[row]!);
    if (this.#cache?.isOpen) {
      const lists = this.#store.readLists(wanted);
      missing.forEach((row, i) => {
        const list = lists.sources.subarray(lists.indptr[i], lists.indptr[i + 1]);
        fromList(row, list);
        this.#cache?.offer(wanted[i]!, list);
      });
      return;
    }
    const fanout = missing.reduce((most, row) => Math.max(most, indptr[row + 1]! - indptr[row]!), 0);
    const drawn = drawStored(this.#store, wanted, fanout, rng);
    missing.forEach(
      (row, i) => void out.set(drawn.sources.subarray(drawn.indptr[i], drawn.indptr[i + 1]), indptr[row]),
    );
  }

  dispose(): void {}
}
