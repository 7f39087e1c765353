/**
 * Vertex cuts: edges are divided over parts, and a vertex has a clone in every part that holds one of its edges.
 *
 * After the greedy rule of Libra, the partitioner of DistGNN (Md et al.: "DistGNN: scalable distributed training for
 * large-scale graph neural networks", SC 2021, arXiv:2104.06700): an edge goes to the least loaded of the parts that hold
 * its ends. We differ in this: parts that hold both ends come first, edges come in random order, the two directions of an
 * edge stay together, and a part that is fuller than its cap gets no more, without which a connected graph could end in
 * one part.
 */
import { OptionError, Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';

/** Edges by part, and who sums for whom. */
export interface VertexCut {
  /** Part of each entry of the graph's `indices`; {@link NO_PART} for edges of vertices left out. uint16 `[nnz]`. */
  readonly partOfEdge: Uint16Array;
  /** Part of the master clone of each vertex; −1 for vertices left out. int32 `[n]`. */
  readonly masterOf: Int32Array;
}

/** What {@link libraCut} takes besides the graph. */
export interface LibraOptions {
  readonly parts: number;
  readonly seed: number;
  /** Part that becomes a vertex's master if it has a clone there. int32 `[n]`. */
  readonly preferred: Int32Array;
  /** uint8 `[n]`; 0 leaves a vertex out. */
  readonly include?: Uint8Array;
}

/** Part of an edge that nobody has. */
export const NO_PART = 0xffff;

/** How many more edges than the mean a part may get. */
const BALANCE = 1.05;

/**
 * Cuts a message graph (row v = in-neighbours of v ascending, self-loop included). The master of a vertex is its
 * preferred part if it has a clone there, else the clone's part with the fewest masters. O(edges · (parts + log degree)).
 *
 * @throws {@link OptionError} if there are more than 65,534 parts.
 */
export function libraCut(graph: CsrGraph, { parts, seed, preferred, include }: LibraOptions): VertexCut {
  if (!(parts >= 1 && parts < NO_PART)) throw new OptionError('libraCut', 'parts', parts, `in 1 … ${NO_PART - 1}`);
  const { indptr, indices, numVertices } = graph;
  const destinations = new Int32Array(indices.length);
  for (let v = 0; v < numVertices; v++) destinations.fill(v, indptr[v]!, indptr[v + 1]!);
  const partOfEdge = new Uint16Array(indices.length).fill(NO_PART);
  const holders = new Holders(numVertices, parts);
  const load = new Float64Array(parts);
  const cap = Math.ceil((indices.length / parts) * BALANCE);
  for (const e of new Rng(seed).split('libra').permutation(indices.length)) {
    const u = indices[e]!;
    const v = destinations[e]!;
    if (partOfEdge[e] !== NO_PART || include?.[u] === 0 || include?.[v] === 0) continue;
    const part = holders.choose(u, v, load, cap);
    partOfEdge[e] = part;
    load[part]!++;
    const reverse = u === v ? -1 : findEdge(graph, v, u);
    if (reverse >= 0) {
      partOfEdge[reverse] = part;
      load[part]!++;
    }
    holders.add(u, part);
    holders.add(v, part);
  }
  return { partOfEdge, masterOf: holders.masters(preferred) };
}

/** Position of edge u→v, or −1. */
function findEdge({ indptr, indices }: CsrGraph, u: number, v: number): number {
  let low = indptr[v]!;
  let high = indptr[v + 1]!;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (indices[middle]! < u) low = middle + 1;
    else high = middle;
  }
  return low < indptr[v + 1]! && indices[low] === u ? low : -1;
}

/** Which parts hold a clone of which vertex, a bit each. */
class Holders {
  readonly #words: number;
  readonly #bits: Uint32Array;
  readonly #parts: number;

  constructor(vertices: number, parts: number) {
    this.#parts = parts;
    this.#words = Math.ceil(parts / 32);
    this.#bits = new Uint32Array(vertices * this.#words);
  }

  has(v: number, part: number): boolean {
    return (this.#bits[v * this.#words + (part >>> 5)]! & (1 << (part & 31))) !== 0;
  }

  add(v: number, part: number): void {
    this.#bits[v * this.#words + (part >>> 5)]! |= 1 << (part & 31);
  }

  /** Least loaded of the parts that hold both ends; of those that hold one; of all. Full parts do not count. */
  choose(u: number, v: number, load: Float64Array, cap: number): number {
    let best = 0;
    let bestHeld = -1;
    for (let part = 0; part < this.#parts; part++) {
      const held = load[part]! >= cap ? -1 : (this.has(u, part) ? 1 : 0) + (this.has(v, part) ? 1 : 0);
      if (held > bestHeld || (held === bestHeld && load[part]! < load[best]!)) {
        best = part;
        bestHeld = held;
      }
    }
    return best;
  }

  masters(preferred: Int32Array): Int32Array {
    const masters = new Int32Array(this.#parts);
    return preferred.map((wanted, v) => {
      let best = this.has(v, wanted) ? wanted : -1;
      for (let part = 0; part < this.#parts && best !== wanted; part++) {
        if (this.has(v, part) && (best < 0 || masters[part]! < masters[best]!)) best = part;
      }
      if (best >= 0) masters[best]!++;
      return best;
    });
  }
}
