/**
 * R-MAT: recursive graphs with skewed degrees.
 *
 * Chakrabarti, Zhan, Faloutsos: "R-MAT: A Recursive Model for Graph Mining", SDM 2004. Defaults are those of Graph500.
 */
import { OptionError, Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { checkInteger, checkNumber } from './checks.js';
import { type EdgeDrawer, graphOfDrawer } from './EdgeDrawer.js';
import { Sequence } from './Sequence.js';

/** Options of {@link rmat}. */
export interface RmatOptions {
  /** 2^scale vertices. */
  readonly scale: number;
  /** Edges drawn per vertex; fewer remain, because duplicates and self-loops are dropped. @defaultValue `16` */
  readonly edgeFactor?: number;
  /** Probability of the quadrant low source, low destination. @defaultValue `0.57` */
  readonly a?: number;
  /** Low source, high destination. @defaultValue `0.19` */
  readonly b?: number;
  /** High source, low destination. @defaultValue `0.19` */
  readonly c?: number;
  /** High, high. @defaultValue 1 − a − b − c */
  readonly d?: number;
  /** Keep edges directed. @defaultValue `false` */
  readonly directed?: boolean;
  /** Rename vertices at random, so that ids say nothing about degrees. @defaultValue `true` */
  readonly shuffle?: boolean;
  /** @defaultValue `new Rng(1)` */
  readonly rng?: Rng;
}

/**
 * Draws an R-MAT graph without self-loops and duplicates. Cost: O(edges · scale).
 *
 * @throws {@link OptionError} if an option is out of range or a + b + c + d ≠ 1.
 */
export function rmat(options: RmatOptions): CsrGraph {
  const { directed = false } = options;
  const drawer = rmatDrawer('rmat', options);
  return graphOfDrawer('rmat', drawer, !directed);
}

/** Draws the edges of {@link rmat} one by one, duplicates and self-loops included. */
export function rmatDrawer(where: string, options: RmatOptions): EdgeDrawer {
  const { scale, edgeFactor = 16, a = 0.57, b = 0.19, c = 0.19, shuffle = true } = options;
  const { d = 1 - a - b - c, rng = new Rng(1) } = options;
  checkInteger(where, 'scale', scale, 0, 30);
  checkNumber(where, 'edgeFactor', edgeFactor, 0);
  for (const [name, p] of Object.entries({ a, b, c, d })) checkNumber(where, name, p, -1e-9, 1 + 1e-9);
  if (Math.abs(a + b + c + d - 1) > 1e-6) {
    throw new OptionError(where, 'a + b + c + d', a + b + c + d, '1');
  }
  const numVertices = 2 ** scale;
  const random = new Sequence(rng.split('rmat'));
  const names = shuffle ? rng.split('names').permutation(numVertices) : undefined;
  const [upToA, upToB, upToC] = [a * 2 ** 32, (a + b) * 2 ** 32, (a + b + c) * 2 ** 32];
  return {
    numVertices,
    edges: Math.round(edgeFactor * numVertices),
    draw(pairs, at) {
      let u = 0;
      let v = 0;
      for (let level = 0; level < scale; level++) {
        const r = random.uint32();
        u *= 2;
        v *= 2;
        if (r >= upToB) u++;
        if ((r >= upToA && r < upToB) || r >= upToC) v++;
      }
      pairs[at] = names ? names[u]! : u;
      pairs[at + 1] = names ? names[v]! : v;
    },
  };
}
