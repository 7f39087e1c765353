/** The merging of byte-pair encoding. */

/** What may be merged: plain tables. */
export interface PairRanks {
  /** left · size + right to the rank of the pair, from 0. */
  readonly pairs: ReadonlyMap<number, number>;
  /** The token that each rank makes. */
  readonly merged: Int32Array;
  /** Number of tokens. */
  readonly size: number;
}

const NONE = 0x7fffffff;

/**
 * Merges the pair of lowest rank, everywhere from the left, until no pair is left that may be merged.
 *
 * A pass costs the length of the piece; ranks grow from pass to pass, since a merge can only use tokens of earlier ones.
 *
 * @param tokens - changed in place
 * @returns the first part of `tokens`, copied
 */
export function mergePairs(tokens: Int32Array, { pairs, merged, size }: PairRanks): Int32Array {
  let { length } = tokens;
  const rankAt = (i: number): number =>
    i + 1 < length ? (pairs.get(tokens[i]! * size + tokens[i + 1]!) ?? NONE) : NONE;
  const ranks = Int32Array.from(tokens.keys(), rankAt);
  for (;;) {
    let best = NONE;
    for (let i = 0; i < length; i++) if (ranks[i]! < best) best = ranks[i]!;
    if (best === NONE) return tokens.slice(0, length);
    // Which places are merged is settled before any token moves: in `aaa` the first pair takes the second `a`.
    let to = 0;
    for (let from = 0; from < length; from++, to++) {
      const isMerged = ranks[from] === best;
      tokens[to] = isMerged ? merged[best]! : tokens[from]!;
      // −1: to be looked up, because it or its neighbour is new.
      ranks[to] = isMerged ? -1 : ranks[from]!;
      if (!isMerged) continue;
      if (to > 0) ranks[to - 1] = -1;
      from++;
    }
    length = to;
    for (let i = 0; i < length; i++) if (ranks[i] === -1) ranks[i] = rankAt(i);
  }
}
