/**
 * In-neighbours of every vertex, read page by page from where they are stored, every byte counted; edges may come and go.
 *
 * Row pointers are in memory, 8 bytes a vertex. A read touches the 4 KiB pages that hold the wanted neighbours and no
 * others; pages next to each other come in one transfer. A vertex whose list changed is kept whole in memory from then on.
 */
import { DIRECT_ALIGNMENT, type StorageDevice, type StorageDeviceOptions } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import type { RowEdges } from '../plan/edgeBlock.js';
import { openAdjacency, writeAdjacency } from './adjacencyFile.js';
import { checkUpdates, type EdgeUpdates, touchedBy, updatedLists } from './EdgeUpdates.js';
import { FilePages, MemoryPages, PAGE_ENTRIES, type PageSource } from './pages.js';
import { UpdateLog } from './updateLog.js';

/** Pages of one round of reads, 16 MiB; a page is read once per round. */
const ROUND_PAGES = 4096;

/** What was read since the store was opened. Row pointers and the log do not count. */
export interface AdjacencyTraffic {
  /** Bytes of pages. */
  readonly storageBytes: number;
  /** Bytes of the neighbours that were asked for. */
  readonly entryBytes: number;
}

/** How another thread gets at the same lists; plain data. */
export type AdjacencyLocation =
  | { readonly kind: 'file'; readonly folder: string; readonly name: string; readonly device: StorageDeviceOptions }
  | { readonly kind: 'memory'; readonly graph: CsrGraph };

interface StoreParts {
  readonly offsets: Float64Array;
  readonly pages: PageSource;
  readonly location: AdjacencyLocation;
  readonly log?: UpdateLog;
  readonly close?: () => void;
}

/** Stored in-neighbours. One thread owns a store. */
export class AdjacencyStore {
  readonly numVertices: number;
  readonly location: AdjacencyLocation;
  readonly #offsets: Float64Array;
  readonly #pages: PageSource;
  readonly #log: UpdateLog | undefined;
  readonly #close: (() => void) | undefined;
  readonly #changed = new Map<number, Int32Array>();
  #storageBytes = 0;
  #entryBytes = 0;

  /** Writes `graph` to the file `name` of a device, without updates, and opens it. */
  static create(device: StorageDevice, name: string, graph: CsrGraph): AdjacencyStore {
    device.closeFile(device.create(logName(name)));
    writeAdjacency(device, name, graph);
    return AdjacencyStore.open(device, name);
  }

  /**
   * Opens the file `name` of a device with all updates ever applied to it. The device must outlive the store.
   *
   * @throws {@link DataError} if it is no adjacency file; {@link StorageError} if it cannot be read.
   */
  static open(device: StorageDevice, name: string): AdjacencyStore {
    const { file, offsets } = openAdjacency(device, name);
    const log = new UpdateLog(device, logName(name));
    const { mode, chunkBytes } = device;
    const store = new AdjacencyStore({
      offsets,
      pages: new FilePages(file, chunkBytes),
      location: { kind: 'file', folder: device.folder, name, device: { mode, chunkBytes } },
      log,
      close: () => file.close(),
    });
    for (const updates of log.replay()) store.#apply(updates);
    store.#storageBytes = 0;
    store.#entryBytes = 0;
    return store;
  }

  /** The same over arrays in memory, with the same counts. */
  static inMemory(graph: CsrGraph): AdjacencyStore {
    const offsets = Float64Array.from(graph.indptr);
    return new AdjacencyStore({
      offsets,
      pages: new MemoryPages(graph.indices),
      location: { kind: 'memory', graph },
    });
  }

  private constructor({ offsets, pages, location, log, close }: StoreParts) {
    this.numVertices = offsets.length - 1;
    this.location = location;
    this.#offsets = offsets;
    this.#pages = pages;
    this.#log = log;
    this.#close = close;
  }

  /** In-neighbours of `v` now. */
  degree(v: number): number {
    return this.#changed.get(v)?.length ?? this.storedDegree(v);
  }

  /** In-neighbours of `v` in the file, updates left out. */
  storedDegree(v: number): number {
    return this.#offsets[v + 1]! - this.#offsets[v]!;
  }

  /** The list of a vertex that updates have touched, ascending; undefined for others. What a cache has of it is void. */
  changedList(v: number): Int32Array | undefined {
    return this.#changed.get(v);
  }

  /** Bytes of the lists that updates keep in memory. */
  get changedBytes(): number {
    let bytes = 0;
    for (const list of this.#changed.values()) bytes += list.byteLength;
    return bytes;
  }

  /** Bytes of pages that the stored lists take. */
  get bytes(): number {
    return Math.ceil(this.#offsets[this.numVertices]! / PAGE_ENTRIES) * DIRECT_ALIGNMENT;
  }

  get traffic(): AdjacencyTraffic {
    return { storageBytes: this.#storageBytes, entryBytes: this.#entryBytes };
  }

  /** Whole lists, in the order of `vertices`; blocks until they are read. */
  readLists(vertices: Int32Array): RowEdges {
    const indptr = new Int32Array(vertices.length + 1);
    vertices.forEach((v, i) => {
      indptr[i + 1] = indptr[i]! + this.degree(v);
    });
    const sources = new Int32Array(indptr[vertices.length]!);
    const stored: number[] = [];
    vertices.forEach((v, i) => {
      const list = this.#changed.get(v);
      if (list) sources.set(list, indptr[i]);
      else if (indptr[i + 1]! > indptr[i]!) stored.push(i);
    });
    stored.sort((a, b) => vertices[a]! - vertices[b]!);
    const starts = Float64Array.from(stored, (i) => this.#offsets[vertices[i]!]!);
    const lengths = Int32Array.from(stored, (i) => indptr[i + 1]! - indptr[i]!);
    const targets = Int32Array.from(stored, (i) => indptr[i]!);
    this.#readRanges(starts, lengths, targets, sources);
    return { indptr, sources };
  }

  /**
   * Chosen neighbours: for `vertices[i]` those at `positions[indptr[i]] … positions[indptr[i + 1] − 1]` of its list.
   *
   * Blocks until they are read. Reads only pages that hold one of them.
   *
   * @returns int32, as long as `positions`
   */
  readEntries(vertices: Int32Array, indptr: Int32Array, positions: Int32Array): Int32Array {
    const out = new Int32Array(positions.length);
    const rows = Int32Array.from(vertices.keys()).sort((a, b) => vertices[a]! - vertices[b]!);
    let count = 0;
    const starts = new Float64Array(positions.length);
    const targets = new Int32Array(positions.length);
    for (const i of rows) {
      const v = vertices[i]!;
      const [begin, end] = [indptr[i]!, indptr[i + 1]!];
      const list = this.#changed.get(v);
      if (list) {
        for (let e = begin; e < end; e++) out[e] = list[positions[e]!]!;
        continue;
      }
      const order = Int32Array.from({ length: end - begin }, (_, k) => begin + k);
      order.sort((a, b) => positions[a]! - positions[b]!);
      for (const e of order) {
        starts[count] = this.#offsets[v]! + positions[e]!;
        targets[count++] = e;
      }
    }
    const ones = new Int32Array(count).fill(1);
    this.#readRanges(starts.subarray(0, count), ones, targets, out);
    return out;
  }

  /**
   * Changes the graph: from the next read on removed edges are gone and added ones there.
   *
   * On a drive the change is logged and flushed before it takes effect. Reads the lists that it touches.
   *
   * @throws {@link ShapeError} or {@link OptionError} naming the first bad edge; nothing is changed then.
   */
  applyUpdates(updates: EdgeUpdates): void {
    checkUpdates(updates, this.numVertices);
    this.#log?.append(updates);
    this.#apply(updates);
  }

  /** Closes the files; the device stays open. */
  close(): void {
    this.#log?.close();
    this.#close?.();
  }

  #apply(updates: EdgeUpdates): void {
    const touched = touchedBy(updates);
    const { indptr, sources } = this.readLists(touched);
    const current = new Map(Array.from(touched, (v, i) => [v, sources.subarray(indptr[i], indptr[i + 1])]));
    for (const [v, list] of updatedLists(updates, current)) this.#changed.set(v, list);
  }

  /** Copies ranges of the neighbour array, ascending by start, to their places in `out`. */
  #readRanges(starts: Float64Array, lengths: Int32Array, targets: Int32Array, out: Int32Array): void {
    const firstPage = (i: number) => Math.floor(starts[i]! / PAGE_ENTRIES);
    const lastPage = (i: number) => Math.floor((starts[i]! + lengths[i]! - 1) / PAGE_ENTRIES);
    const slotOf = new Int32Array(starts.length);
    for (let from = 0; from < starts.length; ) {
      const pages: number[] = [];
      let to = from;
      for (; to < starts.length; to++) {
        if (pages.length > 0 && pages.length + lastPage(to) - firstPage(to) > ROUND_PAGES) break;
        // Ranges ascend, so from the first page of this one to the last page so far there is no gap.
        const last = pages.at(-1) ?? -1;
        slotOf[to] = pages.length - Math.max(0, last + 1 - firstPage(to));
        for (let page = Math.max(firstPage(to), last + 1); page <= lastPage(to); page++) pages.push(page);
      }
      const read = this.#pages.read(pages);
      this.#storageBytes += pages.length * DIRECT_ALIGNMENT;
      for (; from < to; from++) {
        const at = slotOf[from]! * PAGE_ENTRIES + (starts[from]! % PAGE_ENTRIES);
        if (lengths[from] === 1) out[targets[from]!] = read[at]!;
        else out.set(read.subarray(at, at + lengths[from]!), targets[from]);
        this.#entryBytes += 4 * lengths[from]!;
      }
    }
  }
}

const logName = (name: string) => `${name}.log`;
