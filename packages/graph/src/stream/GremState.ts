/**
 * The state of one GREM run: the part of every vertex, and a decaying score of its neighbours in each part.
 *
 * GREM decides a vertex again whenever a later chunk brings some of its edges (Armada, arXiv:2502.17846; its text gives
 * the idea, the rules here follow the authors' earlier public code with these repairs: scores are floats, a full part is
 * never chosen, the first score is stored, and balance at the end moves the vertices that lose least). Memory:
 * n · (1 + 4 · parts) bytes up to 127 parts, whatever the number of edges.
 */
import type { Sequence } from '../generate/Sequence.js';
import { multilevel } from '../multilevel/multilevel.js';
import { enforceTargets } from '../partition/enforceTargets.js';
import type { Targets } from '../partition/Targets.js';
import type { ChunkRows } from './ChunkRows.js';
import { seedGraph } from './seedGraph.js';

/** What a chunk did. */
export interface ChunkReport {
  /** Vertices that changed their part. */
  readonly moves: number;
  /** Share of the chunk's edges that were cut when their ends were decided. */
  readonly cutEstimate: number;
}

export class GremState {
  /** −1 = not seen yet. int8 or int16 `[n]`. */
  readonly partOf: Int8Array | Int16Array;
  readonly #scores: Float32Array;
  readonly #sizes: Int32Array;
  readonly #targets: Targets;
  readonly #decay: number;
  readonly #isFrozen: boolean;

  /** @param isFrozen - decide every vertex once: greedy without refinement, for comparison */
  constructor(n: number, targets: Targets, decay: number, isFrozen: boolean) {
    const parts = targets.shares.length;
    this.partOf = (parts <= 127 ? new Int8Array(n) : new Int16Array(n)).fill(-1);
    this.#scores = new Float32Array(isFrozen ? 0 : n * parts);
    this.#sizes = new Int32Array(parts);
    this.#targets = targets;
    this.#decay = decay;
    this.#isFrozen = isFrozen;
  }

  /** Places the vertices of the first chunk by the multilevel partitioner. */
  seed(rows: ChunkRows, random: Sequence, onLevel?: (share: number) => void): void {
    const { shares, caps } = this.#targets;
    const n = this.partOf.length;
    const { graph, vertices } = seedGraph(rows);
    // The vertices that occur get their share of every cap.
    const room = caps.map((cap, p) =>
      Math.min(cap, Math.max(Math.ceil(shares[p]! * graph.n), Math.floor((cap * graph.n) / n + 1e-9))),
    );
    const limits = { shares, caps: Float64Array.from(room) };
    const local = shares.length === 1 ? new Int32Array(graph.n) : multilevel(graph, limits, random, onLevel).partOf;
    enforceTargets(graph, { shares, caps: room, minimums: new Int32Array(shares.length) }, local);
    for (let i = 0; i < vertices.length; i++) {
      this.partOf[vertices[i]!] = local[i]!;
      this.#sizes[local[i]!]!++;
    }
    if (!this.#isFrozen) this.#storeScores(rows);
  }

  #storeScores({ rowPtr, neighbours }: ChunkRows): void {
    const parts = this.#sizes.length;
    for (let v = 0; v < this.partOf.length; v++) {
      for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
        this.#scores[v * parts + this.partOf[neighbours[e]!]!]!++;
      }
    }
  }

  /** Decides the vertices of a chunk, in ascending order, each seeing the decisions before it. */
  refine({ rowPtr, neighbours }: ChunkRows): ChunkReport {
    const sizes = this.#sizes;
    const { caps } = this.#targets;
    const partOf = this.partOf;
    const scores = this.#scores;
    const parts = sizes.length;
    const decay = this.#decay;
    const gains = new Float64Array(parts);
    const counts = new Int32Array(parts);
    let moves = 0;
    let seen = 0;
    let cut = 0;
    for (let v = 0; v < partOf.length; v++) {
      const begin = rowPtr[v]!;
      const end = rowPtr[v + 1]!;
      if (begin === end) continue;
      const old = partOf[v]!;
      let decided = 0;
      for (let e = begin; e < end; e++) {
        const p = partOf[neighbours[e]!]!;
        if (p < 0) continue;
        counts[p]!++;
        decided++;
      }
      let to = old;
      if (old < 0 || !this.#isFrozen) {
        for (let p = 0; p < parts; p++) {
          gains[p] = counts[p]!;
          if (this.#isFrozen) continue;
          const score = Math.fround(decay * scores[v * parts + p]! + counts[p]!);
          scores[v * parts + p] = score;
          gains[p] = score;
        }
        to = this.#choose(gains, old, sizes, caps);
      }
      if (to !== old) {
        if (old >= 0) {
          sizes[old]!--;
          moves++;
        }
        sizes[to]!++;
        partOf[v] = to;
      }
      seen += decided;
      cut += decided - counts[to]!;
      counts.fill(0);
    }
    return { moves, cutEstimate: seen === 0 ? 0 : cut / seen };
  }

  /** The greatest gain among the parts with room; ties: the present part, then the smallest one. */
  #choose(gains: Float64Array, old: number, sizes: Int32Array, caps: Int32Array): number {
    let best = old;
    for (let p = 0; p < gains.length; p++) {
      if (p === old || sizes[p]! >= caps[p]!) continue;
      if (
        best < 0 ||
        gains[p]! > gains[best]! ||
        (best !== old && gains[p] === gains[best] && sizes[p]! < sizes[best]!)
      ) {
        best = p;
      }
    }
    return best;
  }

  /** Deals out vertices without edges, and brings every part inside its limits. Returns the parts, int32 `[n]`. */
  finish(partOf: Int32Array): Int32Array {
    const n = this.partOf.length;
    const parts = this.#sizes.length;
    const { shares } = this.#targets;
    for (let v = 0; v < n; v++) {
      let part = this.partOf[v]!;
      if (part < 0) {
        part = 0;
        for (let p = 1; p < parts; p++) {
          if (this.#sizes[p]! * shares[part]! < this.#sizes[part]! * shares[p]!) part = p;
        }
        this.#sizes[part]!++;
        this.partOf[v] = part;
      }
      partOf[v] = part;
    }
    const scores = this.#scores;
    enforceTargets(n, this.#targets, partOf, (v, p) => (scores.length === 0 ? 0 : scores[v * parts + p]!));
    return partOf;
  }
}
