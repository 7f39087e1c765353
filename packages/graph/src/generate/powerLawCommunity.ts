/** Communities with hubs: what social and co-purchase graphs look like to a partitioner. */
import { OptionError, Rng, sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { checkInteger, checkNumber } from './checks.js';
import { type EdgeDrawer, graphOfDrawer } from './EdgeDrawer.js';
import { Sequence } from './Sequence.js';

/** Options of {@link powerLawCommunity}. */
export interface PowerLawCommunityOptions {
  readonly numVertices: number;
  /** Communities of (almost) equal size. @defaultValue `64` */
  readonly communities?: number;
  /** Neighbours drawn per vertex; hubs draw duplicates, which are dropped. @defaultValue `30` */
  readonly averageDegree?: number;
  /** a: the vertex of rank r in its community is drawn with weight r^−a. @defaultValue `0.8` */
  readonly exponent?: number;
  /** Fraction of edges inside a community. @defaultValue `0.8` */
  readonly internal?: number;
  /** Rename vertices at random, so that ids say nothing about communities. @defaultValue `true` */
  readonly shuffle?: boolean;
  /** @defaultValue `new Rng(1)` */
  readonly rng?: Rng;
}

/**
 * Draws n · averageDegree / 2 undirected edges: one end uniform, the other a hub of the same community, or with
 * probability 1 − internal of another one. Returns the community of each vertex (int32 `[n]`) with the graph.
 * Cost: O(n + edges · log n).
 *
 * @throws {@link OptionError} if an option is out of range.
 */
export function powerLawCommunity(options: PowerLawCommunityOptions): { graph: CsrGraph; communities: Int32Array } {
  const drawer = powerLawDrawer('powerLawCommunity', options);
  return { graph: graphOfDrawer('powerLawCommunity', drawer, true), communities: drawer.communities };
}

/** Draws the edges of {@link powerLawCommunity} one by one, duplicates and self-loops included. */
export function powerLawDrawer(
  where: string,
  options: PowerLawCommunityOptions,
): EdgeDrawer & { readonly communities: Int32Array } {
  const { numVertices: n, communities: k = 64, averageDegree = 30, exponent = 0.8, internal = 0.8 } = options;
  const { shuffle = true, rng = new Rng(1) } = options;
  checkInteger(where, 'numVertices', n, 1);
  checkInteger(where, 'communities', k, 1, n);
  checkNumber(where, 'averageDegree', averageDegree, 0);
  checkNumber(where, 'exponent', exponent, 0);
  checkNumber(where, 'internal', internal, 0, 1);
  if (k === 1 && internal < 1) throw new OptionError(where, 'internal', internal, '1 with a single community');

  const start = (c: number) => Math.floor((c * n) / k);
  const largest = Math.ceil(n / k);
  const cumulative = new Float64Array(largest + 1);
  for (let r = 0; r < largest; r++) cumulative[r + 1] = cumulative[r]! + (r + 1) ** -exponent;
  const random = new Sequence(rng.split('edges'));
  const names = shuffle ? rng.split('names').permutation(n) : Int32Array.from({ length: n }, (_, v) => v);
  const home = new Int32Array(n);
  const communities = sharedInt32(n);
  for (let c = 0; c < k; c++) {
    home.fill(c, start(c), start(c + 1));
    for (let v = start(c); v < start(c + 1); v++) communities[names[v]!] = c;
  }
  return {
    numVertices: n,
    edges: Math.round((n * averageDegree) / 2),
    communities,
    draw(pairs, at) {
      const v = random.below(n);
      const own = home[v]!;
      const c = random.uniform() < internal ? own : (own + 1 + random.below(k - 1)) % k;
      const size = start(c + 1) - start(c);
      const hub = start(c) + upperBound(cumulative, size, random.uniform() * cumulative[size]!);
      pairs[at] = names[v]!;
      pairs[at + 1] = names[hub]!;
    },
  };
}

/** Largest r < size with cumulative[r] ≤ x. */
function upperBound(cumulative: Float64Array, size: number, x: number): number {
  let low = 0;
  let high = size - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (cumulative[middle]! <= x) low = middle;
    else high = middle - 1;
  }
  return low;
}
