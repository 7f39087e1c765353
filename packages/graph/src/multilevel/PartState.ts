/**
 * A partition of one level under change: the weight of every part, and of the edges from each vertex to each part.
 *
 * A vertex keeps only the parts it has neighbours in, at most min(degree, parts): O(min(arcs, n · parts)) memory.
 */
import type { LevelGraph } from './LevelGraph.js';

/** How heavy parts may be. */
export interface PartLimits {
  /** Ideal fraction of every weight. float64 `[parts]`, sum 1. */
  readonly shares: Float64Array;
  /** Most of each weight. float64 `[parts, constraints]`. */
  readonly caps: Float64Array;
}

export class PartState {
  readonly graph: LevelGraph;
  readonly parts: number;
  readonly limits: PartLimits;
  /** int32 `[n]`. */
  readonly partOf: Int32Array;
  /** Weights of the parts, float64 `[parts, constraints]`. */
  readonly loads: Float64Array;
  /** Weight of the edges between different parts. */
  cut = 0;
  /** Weight of the edges from v into its own part. */
  readonly internal: Int32Array;
  /** Row v of the lists below is `offsets[v] … offsets[v] + counts[v] − 1`. */
  readonly offsets: Int32Array;
  readonly counts: Int32Array;
  readonly listParts: Int32Array;
  readonly listWeights: Int32Array;

  /** @param partOf - taken over, and changed by {@link move} */
  constructor(graph: LevelGraph, partOf: Int32Array, limits: PartLimits) {
    const { n, rowPtr, neighbours, arcWeights, vertexWeights, constraints } = graph;
    const parts = limits.shares.length;
    this.graph = graph;
    this.parts = parts;
    this.limits = limits;
    this.partOf = partOf;
    this.loads = new Float64Array(parts * constraints);
    this.internal = new Int32Array(n);
    this.counts = new Int32Array(n);
    this.offsets = new Int32Array(n + 1);
    for (let v = 0; v < n; v++) {
      this.offsets[v + 1] = this.offsets[v]! + Math.min(parts, rowPtr[v + 1]! - rowPtr[v]!);
    }
    this.listParts = new Int32Array(this.offsets[n]!);
    this.listWeights = new Int32Array(this.offsets[n]!);
    const toPart = new Int32Array(parts);
    let external = 0;
    for (let v = 0; v < n; v++) {
      const own = partOf[v]!;
      for (let c = 0; c < constraints; c++) this.loads[own * constraints + c]! += vertexWeights[v * constraints + c]!;
      let at = this.offsets[v]!;
      const begin = at;
      for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
        const p = partOf[neighbours[e]!]!;
        const weight = arcWeights ? arcWeights[e]! : 1;
        if (p === own) this.internal[v]! += weight;
        else {
          if (toPart[p] === 0) this.listParts[at++] = p;
          toPart[p]! += weight;
          external += weight;
        }
      }
      for (let i = begin; i < at; i++) {
        const p = this.listParts[i]!;
        this.listWeights[i] = toPart[p]!;
        toPart[p] = 0;
      }
      this.counts[v] = at - begin;
    }
    this.cut = external / 2;
  }

  /** True if v still fits into a part. */
  fits(v: number, part: number): boolean {
    const { vertexWeights, constraints } = this.graph;
    for (let c = 0; c < constraints; c++) {
      const at = part * constraints + c;
      if (this.loads[at]! + vertexWeights[v * constraints + c]! > this.limits.caps[at]!) return false;
    }
    return true;
  }

  isOverloaded(part: number): boolean {
    const { constraints } = this.graph;
    for (let at = part * constraints; at < (part + 1) * constraints; at++) {
      if (this.loads[at]! > this.limits.caps[at]!) return true;
    }
    return false;
  }

  /** Loss of the cut if v went to its best neighbouring part, wherever there is room; −internal if it has none. */
  bestGain(v: number): number {
    const begin = this.offsets[v]!;
    let best = 0;
    for (let i = begin + this.counts[v]! - 1; i >= begin; i--)
      if (this.listWeights[i]! > best) best = this.listWeights[i]!;
    return best - this.internal[v]!;
  }

  /** Load of a part relative to its share, in the first weight. */
  relativeLoad(part: number): number {
    return this.loads[part * this.graph.constraints]! / this.limits.shares[part]!;
  }

  /**
   * Moves v to `part`, and keeps everything up to date in the lists of its neighbours.
   *
   * @param gain - by how much the cut shrinks: weight from v to `part` less its internal weight
   * @param touched - told every neighbour
   */
  move(v: number, part: number, touched?: (u: number) => void): void {
    const { rowPtr, neighbours, arcWeights, vertexWeights, constraints } = this.graph;
    const { partOf, internal } = this;
    const old = partOf[v]!;
    for (let c = 0; c < constraints; c++) {
      const weight = vertexWeights[v * constraints + c]!;
      this.loads[old * constraints + c]! -= weight;
      this.loads[part * constraints + c]! += weight;
    }
    partOf[v] = part;
    const toNew = this.#take(v, part);
    this.cut -= toNew - internal[v]!;
    if (internal[v]! > 0) this.#add(v, old, internal[v]!);
    internal[v] = toNew;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
      const u = neighbours[e]!;
      const weight = arcWeights ? arcWeights[e]! : 1;
      const home = partOf[u]!;
      if (home === old) internal[u]! -= weight;
      else this.#subtract(u, old, weight);
      if (home === part) internal[u]! += weight;
      else this.#add(u, part, weight);
      touched?.(u);
    }
  }

  #add(v: number, part: number, weight: number): void {
    const begin = this.offsets[v]!;
    const end = begin + this.counts[v]!;
    for (let i = begin; i < end; i++) {
      if (this.listParts[i] !== part) continue;
      this.listWeights[i]! += weight;
      return;
    }
    this.listParts[end] = part;
    this.listWeights[end] = weight;
    this.counts[v]!++;
  }

  #subtract(v: number, part: number, weight: number): void {
    const begin = this.offsets[v]!;
    for (let i = begin; ; i++) {
      if (this.listParts[i] !== part) continue;
      this.listWeights[i]! -= weight;
      if (this.listWeights[i] === 0) this.#drop(v, i);
      return;
    }
  }

  /** Removes the entry of a part and returns its weight. */
  #take(v: number, part: number): number {
    const begin = this.offsets[v]!;
    for (let i = begin + this.counts[v]! - 1; i >= begin; i--) {
      if (this.listParts[i] !== part) continue;
      const weight = this.listWeights[i]!;
      this.#drop(v, i);
      return weight;
    }
    return 0;
  }

  #drop(v: number, i: number): void {
    const last = this.offsets[v]! + --this.counts[v]!;
    this.listParts[i] = this.listParts[last]!;
    this.listWeights[i] = this.listWeights[last]!;
  }
}
