/** Uniform random graphs, also as stand-ins of another graph's size and density. */
import { Rng } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { GrowableInt32 } from '../csr/growable.js';
import { edgesWithin } from './blockEdges.js';
import { checkInteger, checkNumber } from './checks.js';
import { Sequence } from './Sequence.js';

/** Options of {@link randomGraph}. */
export interface RandomGraphOptions {
  readonly numVertices: number;
  /** Mean number of neighbours, at most n − 1. */
  readonly averageDegree: number;
  /** @defaultValue `new Rng(1)` */
  readonly rng?: Rng;
}

/**
 * Erdős–Rényi graph G(n, p), p = averageDegree / (n − 1): undirected, no self-loops. Cost: O(n + edges).
 *
 * Reddit's size and density are `{ numVertices: 232_965, averageDegree: 492 }`.
 *
 * @throws `OptionError` if an option is out of range.
 */
export function randomGraph({ numVertices: n, averageDegree, rng = new Rng(1) }: RandomGraphOptions): CsrGraph {
  checkInteger('randomGraph', 'numVertices', n, 0);
  checkNumber('randomGraph', 'averageDegree', averageDegree, 0, Math.max(0, n - 1));
  const edges = { sources: new GrowableInt32(), destinations: new GrowableInt32() };
  edgesWithin(new Sequence(rng.split('edges')), 0, n, n > 1 ? averageDegree / (n - 1) : 0, edges);
  return csrFromEdges({
    numVertices: n,
    sources: edges.sources.view(),
    destinations: edges.destinations.view(),
    symmetrize: true,
  });
}

/**
 * A random graph with the mean degree of `g` and `factor` times its vertices: how memory and traffic grow with |V| at
 * equal density (the scaling workload of GraNNDis, arXiv:2311.06837).
 *
 * @throws `OptionError` if the result has too few vertices for the degree, or an option is out of range.
 */
export function scaledRandomGraph(g: CsrGraph, factor: number, rng: Rng = new Rng(1)): CsrGraph {
  checkNumber('scaledRandomGraph', 'factor', factor, 0);
  return randomGraph({
    numVertices: Math.round(g.numVertices * factor),
    averageDegree: g.numVertices === 0 ? 0 : g.indices.length / g.numVertices,
    rng,
  });
}
