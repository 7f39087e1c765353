/** Caches of whole neighbour lists: what a snapshot cache of the same size is measured against. */
import type { AdjacencyStore } from './AdjacencyStore.js';

/** Keeps some lists. */
export interface ListCache {
  /** Bytes of the lists in it. */
  readonly bytes: number;
  /** True if {@link ListCache.offer} may keep a list: a miss then reads all of it. */
  readonly isOpen: boolean;
  get(v: number): Int32Array | undefined;
  /** Shows a list that was just read. */
  offer(v: number, list: Int32Array): void;
}

/** Keeps the lists used last. Only the lists count towards the budget, not the map that holds them. */
export class LruLists implements ListCache {
  readonly isOpen = true;
  bytes = 0;
  readonly #budget: number;
  /** A map keeps the order of insertion: the first list is the one not used for longest. */
  readonly #lists = new Map<number, Int32Array>();

  constructor(budgetBytes: number) {
    this.#budget = budgetBytes;
  }

  get(v: number): Int32Array | undefined {
    const list = this.#lists.get(v);
    if (list) {
      this.#lists.delete(v);
      this.#lists.set(v, list);
    }
    return list;
  }

  offer(v: number, list: Int32Array): void {
    if (list.byteLength > this.#budget) return;
    this.#lists.set(v, list.slice());
    this.bytes += list.byteLength;
    for (const [oldest, old] of this.#lists) {
      if (this.bytes <= this.#budget) break;
      this.#lists.delete(oldest);
      this.bytes -= old.byteLength;
    }
  }
}

/** Keeps lists chosen beforehand, in one flat array. */
export class StaticLists implements ListCache {
  readonly isOpen = false;
  readonly #rowOf: Int32Array;
  readonly #indptr: Int32Array;
  readonly #entries: Int32Array;

  /** Reads the lists of `vertices`; none twice. */
  constructor(store: AdjacencyStore, vertices: Int32Array) {
    this.#rowOf = new Int32Array(store.numVertices).fill(-1);
    vertices.forEach((v, row) => {
      this.#rowOf[v] = row;
    });
    const { indptr, sources } = store.readLists(vertices);
    this.#indptr = indptr;
    this.#entries = sources;
  }

  get bytes(): number {
    return this.#entries.byteLength;
  }

  get(v: number): Int32Array | undefined {
    const row = this.#rowOf[v]!;
    return row < 0 ? undefined : this.#entries.subarray(this.#indptr[row], this.#indptr[row + 1]);
  }

  offer(): void {}
}
