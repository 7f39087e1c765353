/**
 * R-MAT: recursive graphs with skewed degrees.
 *
 * Chakrabarti, Zhan, Faloutsos: "R-MAT: A Recursive Model for Graph Mining", SDM 2004. Defaults are those of Graph500.
 */
import { OptionError, Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { checkInteger, checkNumber } from './checks.js';
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
  const { scale, edgeFactor = 16, a = 0.57, b = 0.19, c = 0.19, directed = false, shuffle = true } = options;
  const { d = 1 - a - b - c, rng = new Rng(1) } = options;
  const where = 'rmat';
  checkInteger(where, 'scale', scale, 0, 30);
  checkNumber(where, 'edgeFactor', edgeFactor, 0, 2 ** 30 / 2 ** scale);
  for (const [name, p] of Object.entries({ a, b, c, d })) checkNumber(where, name, p, -1e-9, 1 + 1e-9);
  if (Math.abs(a + b + c + d - 1) > 1e-6) {
    throw new OptionError(where, 'a + b + c + d', a + b + c + d, '1');
  }
  const n = 2 ** scale;
  const m = Math.round(edgeFactor * n);
  const random = new Sequence(rng.split('rmat'));
  const names = shuffle ? rng.split('names').permutation(n) : undefined;
  const sources = new Int32Array(m);
  const destinations = new Int32Array(m);
  const [upToA, upToB, upToC] = [a * 2 ** 32, (a + b) * 2 ** 32, (a + b + c) * 2 ** 32];
  for (let i = 0; i < m; i++) {
    let u = 0;
    let v = 0;
    for (let level = 0; level < scale; level++) {
      const r = random.uint32();
      u *= 2;
      v *= 2;
      if (r >= upToB) u++;
      if ((r >= upToA && r < upToB) || r >= upToC) v++;
    }
    sources[i] = names ? names[u]! : u;
    destinations[i] = names ? names[v]! : v;
  }
  return csrFromEdges({ numVertices: n, sources, destinations, symmetrize: !directed, selfLoops: 'drop' });
}
