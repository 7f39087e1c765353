/** Edge lists: one edge per line, as SNAP, network repositories and spreadsheets write them. */
import { DataError, OptionError } from '@strata-ml/core';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { EdgeListParser } from './EdgeListParser.js';
import type { LoadedGraph, ReadOptions } from './LoadedGraph.js';
import { lineBlocks } from './lineBlocks.js';

/** Options of {@link readEdgeList}. */
export interface EdgeListOptions extends ReadOptions {
  /** Keep edges as they are, source first. @defaultValue `false`: every edge is stored in both directions */
  readonly directed?: boolean;
  /** Vertices of the graph; larger ids are errors. @defaultValue largest id + 1 */
  readonly numVertices?: number;
  /** Rename the ids that occur to 0 … n − 1 in ascending order; ids may then be as large as 2⁵³ − 1. @defaultValue `false` */
  readonly compactIds?: boolean;
  /** Lines to skip at the start, such as a CSV header. @defaultValue `0` */
  readonly skipLines?: number;
}

/**
 * Reads an edge list: two integer ids ≥ 0 per line, separated by spaces, tabs, commas or semicolons, and maybe a weight.
 *
 * Lines that start with `#` or `%` and empty lines are skipped; the first edge decides whether there are weights (columns
 * after the third are ignored). gzip is recognised by content. Cost: linear, allocates 8 bytes per edge (12 with weights) beside the graph.
 *
 * @throws {@link DataError} `<path>:<line>: …` for a non-number, a negative or too large id, a missing column, an empty
 * or damaged file, or ids so sparse that the graph would be mostly empty rows.
 * @throws {@link OptionError} if options contradict each other.
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readEdgeList(path: string, options: EdgeListOptions = {}): Promise<LoadedGraph> {
  const { directed = false, numVertices, compactIds = false, skipLines = 0, weights = true } = options;
  if (numVertices !== undefined && !(Number.isInteger(numVertices) && numVertices >= 0 && numVertices < 2 ** 31)) {
    throw new OptionError('readEdgeList', 'numVertices', numVertices, 'an integer in 0 … 2147483647');
  }
  if (numVertices !== undefined && compactIds) {
    throw new OptionError('readEdgeList', 'numVertices', numVertices, 'left out when compactIds is true');
  }
  const parser = new EdgeListParser(path, { limit: numVertices, compactIds, skipLines, weights });
  for await (const { bytes, end } of lineBlocks(path, options)) parser.parse(bytes, end);
  const edges = parser.finish();
  const count = edges.sources.length;
  if (count === 0 && numVertices === undefined) {
    throw new DataError(`${path}: file must hold at least one edge, got only comments or blank lines`, { path });
  }
  const n = numVertices ?? edges.numVertices;
  if (numVertices === undefined && !compactIds && n > 1_000_000 && n > 256 * count) {
    throw new DataError(
      `${path}: ids must be about as many as vertices, got ids up to ${n - 1} on ${count} edges; ` +
        'rename them with compactIds, or give numVertices',
      { path, largestId: n - 1, edges: count },
    );
  }
  const { dedupe = true, duplicateWeight = 'first', selfLoops = 'keep' } = options;
  const { sources, destinations, originalIds } = edges;
  const graph = csrFromEdges({
    numVertices: n,
    sources,
    destinations,
    ...(edges.weights ? { weights: edges.weights } : {}),
    symmetrize: !directed,
    dedupe,
    duplicateWeight,
    selfLoops,
  });
  return { format: 'edge-list', graph, edgesInFile: count, ...(originalIds ? { originalIds } : {}) };
}
