/** State and one iteration of switching-aware label propagation. */
import type { CsrGraph } from '../csr/CsrGraph.js';
import type { Targets } from './Targets.js';

/** Weight of the size penalty, β. */
const PENALTY = 1;
/** Least gain of a request: less is rounding. */
const LEAST_GAIN = 1e-9;
/** Requests are admitted in this many classes of gain, the highest first. */
const GAIN_CLASSES = 64;
/** A gain is at most 1 from neighbours and about 1 from sizes. */
const MOST_GAIN = 2;

/** Parts of vertices, kept together with the part at the far end of every edge. */
export class SwitchingState {
  /** Edges, counted from both ends, that join vertices of one part. */
  inside = 0;
  readonly #graph: CsrGraph;
  readonly #caps: Int32Array;
  readonly #partOf: Int32Array;
  readonly #sizes: Int32Array;
  /** Part of `indices[e]`. */
  readonly #farPart: Uint8Array | Uint16Array | Int32Array;
  /** 1 for vertices whose neighbourhood changed since they last looked. */
  readonly #isActive: Uint8Array;
  /** Where a vertex asks to go; its own part if nowhere. */
  readonly #wanted: Uint8Array | Uint16Array | Int32Array;
  readonly #gains: Float32Array;
  readonly #counts: Int32Array;
  readonly #touched: Int32Array;

  /** @param partOf - where to start; changed in place from now on */
  constructor(g: CsrGraph, { caps }: Targets, partOf: Int32Array) {
    const { numVertices: n, indices } = g;
    const parts = caps.length;
    const numbers = (length: number) =>
      parts <= 256 ? new Uint8Array(length) : parts <= 65_536 ? new Uint16Array(length) : new Int32Array(length);
    this.#graph = g;
    this.#caps = caps;
    this.#partOf = partOf;
    this.#sizes = new Int32Array(parts);
    for (let v = 0; v < n; v++) this.#sizes[partOf[v]!]!++;
    this.#farPart = numbers(indices.length);
    for (let e = 0; e < indices.length; e++) this.#farPart[e] = partOf[indices[e]!]!;
    this.#isActive = new Uint8Array(n).fill(1);
    this.#wanted = numbers(n);
    this.#gains = new Float32Array(n);
    this.#counts = new Int32Array(parts);
    this.#touched = new Int32Array(parts);
    const { indptr } = g;
    for (let v = 0; v < n; v++) {
      for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) if (this.#farPart[e] === partOf[v]) this.inside++;
    }
  }

  /** Vertices of each part. int32 `[parts]`. */
  get sizes(): Int32Array {
    return this.#sizes;
  }

  /** Part at the far end of each stored edge. */
  get farParts(): Uint8Array | Uint16Array | Int32Array {
    return this.#farPart;
  }

  /** Bytes of all that is held beside the graph; requests of one iteration included. */
  get bytes(): number {
    const order = 4 * this.#partOf.length;
    const arrays = [this.#partOf, this.#farPart, this.#isActive, this.#wanted, this.#gains];
    return order + arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }

  /** Lets all active vertices ask, grants what keeps the balance; vertices that moved. */
  iterate(): number {
    const requests = this.#ask();
    // All wait or none: decided before anybody gives up or moves.
    const isWaiting = Uint8Array.from(requests, (v) => (this.#waitsForNeighbour(v) ? 1 : 0));
    const granted = this.#admit(requests.filter((v, i) => isWaiting[i] === 0 || this.#deny(v)));
    for (const v of granted) this.#move(v, this.#wanted[v]!);
    return granted.length;
  }

  /** Vertices that want to move, in order of their number; all others become inactive. */
  #ask(): Int32Array {
    const { numVertices: n, indptr } = this.#graph;
    const parts = this.#caps.length;
    const penalties = Float64Array.from(this.#sizes, (size, j) => (PENALTY * size) / Math.max(1, this.#caps[j]!));
    let lightest = 0;
    for (let j = 1; j < parts; j++) if (penalties[j]! < penalties[lightest]!) lightest = j;
    const counts = this.#counts;
    const touched = this.#touched;
    let requests = 0;
    for (let v = 0; v < n; v++) {
      const current = this.#partOf[v]!;
      this.#wanted[v] = current;
      if (this.#isActive[v] === 0) continue;
      this.#isActive[v] = 0;
      const begin = indptr[v]!;
      const end = indptr[v + 1]!;
      let found = 0;
      for (let e = begin; e < end; e++) {
        const j = this.#farPart[e]!;
        if (counts[j]!++ === 0) touched[found++] = j;
      }
      const perNeighbour = end === begin ? 0 : 1 / (end - begin);
      const stay = counts[current]! * perNeighbour - penalties[current]!;
      let best = current;
      let score = stay;
      for (let i = -1; i < found; i++) {
        const j = i < 0 ? lightest : touched[i]!;
        const candidate = counts[j]! * perNeighbour - penalties[j]!;
        // The lower number wins a tie, so that the order of edges does not matter.
        if (candidate > score || (candidate === score && best !== current && j < best)) {
          best = j;
          score = candidate;
        }
      }
      for (let i = 0; i < found; i++) counts[touched[i]!] = 0;
      if (best === current || score - stay <= LEAST_GAIN) continue;
      this.#wanted[v] = best;
      this.#gains[v] = score - stay;
      requests++;
    }
    const list = new Int32Array(requests);
    for (let v = 0, at = 0; at < requests; v++) if (this.#wanted[v] !== this.#partOf[v]) list[at++] = v;
    return list;
  }

  /**
   * Requests from i to j that are granted: as many as ask to go from j to i, and a share of the room in j; the highest
   * gains first. Swaps never change a size, the rest never fills more than the room.
   */
  #admit(requests: Int32Array): Int32Array {
    const parts = this.#caps.length;
    const flow = new Int32Array(parts * parts);
    const asking = new Float64Array(parts);
    for (const v of requests) {
      flow[this.#partOf[v]! * parts + this.#wanted[v]!]!++;
      asking[this.#wanted[v]!]!++;
    }
    const granted = new Int32Array(parts * parts);
    for (let i = 0; i < parts; i++) {
      for (let j = 0; j < parts; j++) {
        const wanted = flow[i * parts + j]!;
        const room = Math.max(0, this.#caps[j]! - this.#sizes[j]!);
        granted[i * parts + j] = Math.min(wanted, flow[j * parts + i]! + Math.floor((room * wanted) / asking[j]!));
      }
    }
    const sorted = this.#byGain(requests);
    let admitted = 0;
    for (const v of sorted) {
      const pair = this.#partOf[v]! * parts + this.#wanted[v]!;
      if (granted[pair]! > 0) {
        granted[pair]!--;
        sorted[admitted++] = v;
      } else this.#deny(v);
    }
    return sorted.subarray(0, admitted);
  }

  /** The vertex stays, and asks again next time. */
  #deny(v: number): false {
    this.#wanted[v] = this.#partOf[v]!;
    this.#isActive[v] = 1;
    return false;
  }

  /** Counting sort into classes of gain, the highest first, ties by number. */
  #byGain(requests: Int32Array): Int32Array {
    const classOf = (v: number) =>
      GAIN_CLASSES - 1 - Math.min(GAIN_CLASSES - 1, Math.floor((this.#gains[v]! / MOST_GAIN) * GAIN_CLASSES));
    const starts = new Int32Array(GAIN_CLASSES + 1);
    for (const v of requests) starts[classOf(v) + 1]!++;
    for (let c = 0; c < GAIN_CLASSES; c++) starts[c + 1]! += starts[c]!;
    const sorted = new Int32Array(requests.length);
    for (const v of requests) sorted[starts[classOf(v)]!++] = v;
    return sorted;
  }

  /** True if a neighbour with the larger gain (of equal ones, the lower number) asks to swap places with `v`. */
  #waitsForNeighbour(v: number): boolean {
    const { indptr, indices } = this.#graph;
    const from = this.#partOf[v]!;
    const to = this.#wanted[v]!;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (this.#partOf[u] !== to || this.#wanted[u] !== from) continue;
      if (this.#gains[u]! > this.#gains[v]! || (this.#gains[u] === this.#gains[v] && u < v)) return true;
    }
    return false;
  }

  #move(v: number, to: number): void {
    const { indptr, indices } = this.#graph;
    const from = this.#partOf[v]!;
    this.#partOf[v] = to;
    this.#sizes[from]!--;
    this.#sizes[to]!++;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (u === v) {
        this.#farPart[e] = to;
        continue;
      }
      if (this.#partOf[u] === from) this.inside -= 2;
      if (this.#partOf[u] === to) this.inside += 2;
      this.#farPart[slotOf(indices, indptr[u]!, indptr[u + 1]!, v)] = to;
      this.#isActive[u] = 1;
    }
  }
}

/** Place of `v` in the ascending row `indices[begin … end − 1]`, which holds it. */
function slotOf(indices: Int32Array, begin: number, end: number, v: number): number {
  let low = begin;
  let high = end - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (indices[middle]! < v) low = middle + 1;
    else high = middle;
  }
  return low;
}
