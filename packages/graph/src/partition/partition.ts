/** Cuts the vertices of a graph into parts. */
import { OptionError, Rng, sharedInt32 } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { assign, prepareGraph } from './assign.js';
import { type PartitionOptions, resolvePartitionOptions } from './options.js';
import { equalTargets } from './Targets.js';

/**
 * Assigns every vertex to one of `parts` parts of about equal size.
 *
 * Returns int32 `[n]` in shared memory. Neighbours count in either direction; edge weights and self-loops do not count.
 * No part is larger than max(⌈n/p⌉, ⌊balance · n/p⌋), none is empty unless `allowEmpty`. Deterministic for a seed.
 * Cost: `ldg`, `fennel`, `grem`, `frozen` O(m + n·parts) per pass; `multilevel` about O(m · log n · log parts); `metis`
 * runs `gpmetis`; the others O(n). A directed graph is symmetrised first where edges count.
 * For a cluster use `partitionCluster`: a flat partition ignores which devices share a server.
 *
 * @throws {@link OptionError} if `parts` < 1 or exceeds the number of vertices, or an option is out of range.
 * @throws `AbortedError` if `signal` is aborted.
 *
 * @example
 * [...partition(grid({ rows: 1, columns: 4 }), 2, { method: 'range' })]; // => [0, 0, 1, 1]
 */
export function partition(g: CsrGraph, parts: number, options: PartitionOptions = {}): Int32Array {
  const resolved = resolvePartitionOptions('partition', options);
  const n = g.numVertices;
  checkParts('partition', 'parts', parts, n, resolved.allowEmpty);
  const partOf = sharedInt32(n);
  const targets = equalTargets(n, parts, resolved.balance, resolved.allowEmpty);
  assign(prepareGraph(g, resolved.method), targets, resolved, new Rng(resolved.seed).split('partition'), partOf);
  return partOf;
}

/** Throws unless there is at least one part, and a vertex for each. */
export function checkParts(where: string, what: string, parts: number, n: number, allowEmpty: boolean): void {
  if (!(Number.isInteger(parts) && parts >= 1)) throw new OptionError(where, what, parts, 'an integer ≥ 1');
  if (parts > n && !allowEmpty) {
    throw new OptionError(
      where,
      what,
      parts,
      `at most ${n}, the number of vertices`,
      `use ${n > 0 ? `at most ${n}` : 'a larger graph'}, or set allowEmpty to leave some without vertices`,
    );
  }
}
