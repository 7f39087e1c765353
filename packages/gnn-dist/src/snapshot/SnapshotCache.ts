/**
 * Snapshots of neighbour lists: for each vertex up to `size` of its in-neighbours, drawn uniformly, in one flat array.
 *
 * A vertex with no more neighbours than that has all of them, in their order: such a list is complete and never stale.
 */
import { OptionError, type Rng } from '@strata-ml/core';
import type { AdjacencyStore } from './AdjacencyStore.js';
import { drawPositions, drawStored } from './drawPositions.js';

/** Entries that one step of a refresh draws: bounds its memory. */
const STEP_ENTRIES = 2 ** 20;

/** The memory of a {@link SnapshotCache}, shared between threads. */
export interface SnapshotMemory {
  /** Longest list. */
  readonly size: number;
  /** List of v = `entries[offsets[v]] … entries[offsets[v + 1] − 1]`. int32 `[n + 1]`. */
  readonly offsets: Int32Array;
  /** int32. */
  readonly entries: Int32Array;
}

/** Lays out a cache for vertices with more than `threshold` stored in-neighbours. */
export function layOutSnapshots(store: AdjacencyStore, size: number, threshold: number): SnapshotMemory {
  const { numVertices } = store;
  const offsets = new Int32Array(new SharedArrayBuffer(4 * (numVertices + 1)));
  let total = 0;
  for (let v = 0; v < numVertices; v++) {
    const degree = store.storedDegree(v);
    if (degree > threshold) total += Math.min(degree, size);
    if (total >= 2 ** 31) {
      throw new OptionError('SnapshotSampler', 'alpha', size, 'such that a cache has less than 2³¹ entries');
    }
    offsets[v + 1] = total;
  }
  return { size, offsets, entries: emptyEntries(total) };
}

/** Zeros in shared memory, int32 `[n]`. */
export const emptyEntries = (n: number): Int32Array => new Int32Array(new SharedArrayBuffer(4 * n));

/** Snapshots that draw from storage. */
export class SnapshotCache {
  readonly size: number;
  /** Call whose fresh draw every list holds, in random order; −1 if they differ. */
  builtAt = -1;
  readonly #store: AdjacencyStore;
  readonly #offsets: Int32Array;
  /** Vertices with an incomplete list, ascending. */
  readonly #incomplete: Int32Array;
  #entries: Int32Array;

  constructor(store: AdjacencyStore, { size, offsets, entries }: SnapshotMemory) {
    this.size = size;
    this.#store = store;
    this.#offsets = offsets;
    this.#entries = entries;
    const vertices = Int32Array.from({ length: store.numVertices }, (_, v) => v);
    this.#incomplete = vertices.filter((v) => this.has(v) && !this.isComplete(v));
  }

  get bytes(): number {
    return this.#entries.byteLength + this.#offsets.byteLength;
  }

  /** The memory as it is now. */
  get memory(): SnapshotMemory {
    return { size: this.size, offsets: this.#offsets, entries: this.#entries };
  }

  /** True if `v` has a snapshot. */
  has(v: number): boolean {
    return this.#offsets[v + 1]! > this.#offsets[v]!;
  }

  /** True if the snapshot of `v` is its whole list. */
  isComplete(v: number): boolean {
    return this.#offsets[v + 1]! - this.#offsets[v]! === this.#store.storedDegree(v);
  }

  /** The snapshot of `v`, a view. */
  list(v: number): Int32Array {
    return this.#entries.subarray(this.#offsets[v]!, this.#offsets[v + 1]!);
  }

  /** Puts other entries of the same layout in place: the whole of an atomic refresh. */
  flip(entries: Int32Array, builtAt: number): void {
    this.#entries = entries;
    this.builtAt = builtAt;
  }

  /** Draws all lists, the complete ones too: what a new cache begins with. */
  fill(rng: Rng, call: number): void {
    const all = Int32Array.from({ length: this.#store.numVertices }, (_, v) => v).filter((v) => this.has(v));
    this.#draw(all, rng);
    this.builtAt = call;
  }

  /** Draws all incomplete lists anew. */
  rebuild(rng: Rng, call: number): void {
    this.#draw(this.#incomplete, rng);
    this.builtAt = call;
  }

  /**
   * Replaces `count` random entries of incomplete lists by fresh ones; an entry may come back.
   *
   * A fresh neighbour that the kept ones hold already is left out and the next one taken, so no list holds one twice.
   *
   * @param vertices - with a snapshot, none twice. @defaultValue all with an incomplete list
   */
  turnOver(count: number, rng: Rng, vertices: Int32Array = this.#incomplete): void {
    const keep = this.size - Math.min(count, this.size);
    const keepRng = rng.split('keep');
    const freshRng = rng.split('fresh');
    this.#inSteps(vertices, (part) => {
      const { indptr, sources } = drawStored(this.#store, part, this.size, freshRng);
      part.forEach((v, i) => {
        // Storage is newer than the layout: the list is void, and read from the store.
        if (this.#store.changedList(v)) return;
        const list = this.list(v);
        const kept = drawPositions(list.length, keep, keepRng, v).map((position) => list[position]!);
        const merged = mergeDistinct(kept, sources.subarray(indptr[i], indptr[i + 1]), list.length);
        list.set(merged);
      });
    });
    this.builtAt = -1;
  }

  /**
   * Puts fresh neighbours of `v` into its list: in place of `used` ones, as many as there are, or of random others.
   *
   * @param fresh - none twice; those that the list holds already are left out
   */
  insert(v: number, fresh: Int32Array, used: Int32Array | undefined, rng: Rng): void {
    const list = this.list(v);
    const held = new Set(list);
    const incoming = fresh.filter((u) => !held.has(u));
    const places = used
      ? Int32Array.from(used, (u) => list.indexOf(u))
      : drawPositions(list.length, incoming.length, rng, v);
    const count = Math.min(incoming.length, places.length);
    for (let i = 0; i < count; i++) list[places[i]!] = incoming[i]!;
    this.builtAt = -1;
  }

  #draw(vertices: Int32Array, rng: Rng): void {
    this.#inSteps(vertices, (part) => {
      const { indptr, sources } = drawStored(this.#store, part, this.size, rng);
      part.forEach((v, i) => {
        if (!this.#store.changedList(v)) this.list(v).set(sources.subarray(indptr[i], indptr[i + 1]));
      });
    });
  }

  #inSteps(vertices: Int32Array, work: (part: Int32Array) => void): void {
    for (let from = 0; from < vertices.length; ) {
      let to = from;
      for (let entries = 0; to < vertices.length && entries < STEP_ENTRIES; to++)
        entries += this.list(vertices[to]!).length;
      work(vertices.subarray(from, to));
      from = to;
    }
  }
}

/** `first`, then those of `more` that are not among them, `count` in all if there are so many. */
export function mergeDistinct(first: Int32Array, more: Int32Array, count: number): Int32Array {
  const seen = new Set(first);
  const out = new Int32Array(Math.min(count, first.length + more.length));
  out.set(first);
  let at = first.length;
  for (let i = 0; i < more.length && at < count; i++) if (!seen.has(more[i]!)) out[at++] = more[i]!;
  return out.subarray(0, at);
}
