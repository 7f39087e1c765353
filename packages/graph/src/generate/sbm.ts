/** Stochastic block model (planted partition) with Gaussian class features: a vertex classification task of known truth. */
import { OptionError, Rng, sharedFloat32, sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { GrowableInt32 } from '../csr/growable.js';
import { edgesBetween, edgesWithin } from './blockEdges.js';
import { checkInteger, checkNumber } from './checks.js';
import { Sequence } from './Sequence.js';

/** Options of {@link sbm}. */
export interface SbmOptions {
  /** Vertices of each block; block = class. */
  readonly sizes: readonly number[];
  /** Probability of an edge between two vertices of one block. */
  readonly pIn: number;
  /** Between vertices of different blocks. */
  readonly pOut: number;
  /** Columns of the feature matrix. @defaultValue `16` */
  readonly numFeatures?: number;
  /** Standard deviation of the class means, per column. @defaultValue `1` */
  readonly separation?: number;
  /** Standard deviation of the features around their class mean, per column. @defaultValue `1` */
  readonly noise?: number;
  /** Rename vertices at random, so that ids say nothing about blocks. @defaultValue `true` */
  readonly shuffle?: boolean;
  /** @defaultValue `new Rng(1)` */
  readonly rng?: Rng;
}

/** What {@link sbm} draws. Arrays lie in shared memory. */
export interface SbmGraph {
  /** Undirected, without self-loops. */
  readonly graph: CsrGraph;
  /** Block of each vertex. int32 `[n]`. */
  readonly labels: Int32Array;
  /** float32 `[n, numFeatures]`. */
  readonly features: Float32Array;
  readonly numFeatures: number;
}

/**
 * Draws every pair of vertices independently with probability `pIn` or `pOut`, and features N(mean of the class, noise²).
 *
 * Cost: O(n · features + edges). For a mean degree d with a share f of it inside k blocks of size s:
 * pIn = f·d/(s − 1), pOut = (1 − f)·d/(s·(k − 1)).
 *
 * @throws {@link OptionError} if an option is out of range.
 */
export function sbm(options: SbmOptions): SbmGraph {
  const { sizes, pIn, pOut, numFeatures = 16, separation = 1, noise = 1, shuffle = true, rng = new Rng(1) } = options;
  const where = 'sbm';
  if (sizes.length === 0) throw new OptionError(where, 'sizes', [], 'at least one block');
  for (const [k, size] of sizes.entries()) checkInteger(where, `sizes[${k}]`, size, 1);
  checkNumber(where, 'pIn', pIn, 0, 1);
  checkNumber(where, 'pOut', pOut, 0, 1);
  checkInteger(where, 'numFeatures', numFeatures, 0);
  checkNumber(where, 'separation', separation, 0);
  checkNumber(where, 'noise', noise, 0);

  const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((a, b) => a + b, 0));
  const n = sizes.reduce((a, b) => a + b, 0);
  const random = new Sequence(rng.split('edges'));
  const edges = { sources: new GrowableInt32(), destinations: new GrowableInt32() };
  for (let k = 0; k < sizes.length; k++) {
    edgesWithin(random, starts[k]!, sizes[k]!, pIn, edges);
    for (let l = 0; l < k; l++) edgesBetween(random, [starts[k]!, sizes[k]!], [starts[l]!, sizes[l]!], pOut, edges);
  }
  const names = shuffle ? rng.split('names').permutation(n) : Int32Array.from({ length: n }, (_, v) => v);
  const labels = sharedInt32(n);
  for (let k = 0; k < sizes.length; k++) for (let i = 0; i < sizes[k]!; i++) labels[names[starts[k]! + i]!] = k;

  const gaussian = new Sequence(rng.split('features'));
  const means = Float64Array.from({ length: sizes.length * numFeatures }, () => separation * gaussian.normal());
  const features = sharedFloat32(n * numFeatures);
  for (let i = 0; i < features.length; i++) {
    const v = Math.floor(i / numFeatures);
    features[i] = means[labels[v]! * numFeatures + (i - v * numFeatures)]! + noise * gaussian.normal();
  }
  const graph = csrFromEdges({
    numVertices: n,
    sources: edges.sources.view().map((v) => names[v]!),
    destinations: edges.destinations.view().map((v) => names[v]!),
    symmetrize: true,
  });
  return { graph, labels, features, numFeatures };
}
