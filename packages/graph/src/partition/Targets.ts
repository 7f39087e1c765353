/** How large each part shall be: its share, and hard limits that always leave a solution. */

/** Sizes that an assignment of n vertices to p parts must keep. */
export interface Targets {
  /** Ideal fraction of the vertices; they add up to 1. float64 `[p]`. */
  readonly shares: Float64Array;
  /** Most vertices. int32 `[p]`, sum ≥ n. */
  readonly caps: Int32Array;
  /** Fewest vertices. int32 `[p]`, sum ≤ n. */
  readonly minimums: Int32Array;
}

/** Hard cap of a part: max(⌈ideal⌉, ⌊balance · ideal⌋), so that tiny graphs stay solvable; 1e-9 is for 1.15 · 20. */
export function capOf(ideal: number, balance: number): number {
  return Math.max(Math.ceil(ideal), Math.floor(balance * ideal + 1e-9));
}

/** Equal parts. */
export function equalTargets(n: number, parts: number, balance: number, allowEmpty: boolean): Targets {
  return {
    shares: new Float64Array(parts).fill(1 / parts),
    caps: new Int32Array(parts).fill(capOf(n / parts, balance)),
    minimums: new Int32Array(parts).fill(allowEmpty ? 0 : 1),
  };
}
