/** METIS graph files (METIS 5 manual, section 4.1.1). */
import { DataError, sharedFloat32 } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import { GrowableFloat32, GrowableInt32 } from '../csr/growable.js';
import { markSymmetric } from '../csr/symmetry.js';
import { edgesOf } from '../csr/transform.js';
import type { LoadedGraph, ReadOptions } from './LoadedGraph.js';
import { forEachLine, type TextCursor } from './TextCursor.js';

interface Header {
  readonly n: number;
  readonly m: number;
  readonly hasSizes: boolean;
  readonly hasEdgeWeights: boolean;
  /** Weights per vertex. */
  readonly constraints: number;
}

/**
 * Reads a METIS graph: header `n m [fmt [ncon]]`, then line i lists the neighbours of vertex i, counted from 1.
 *
 * All eight formats 000 … 111; vertex sizes and weights are returned beside the graph. `%` lines are comments; an empty
 * line is a vertex without neighbours. gzip is recognised by content. Cost: linear, 8 (12) bytes per entry beside the graph.
 *
 * @throws {@link DataError} `<path>:<line>: …` for a neighbour out of range, a self-loop, too few or too many lines,
 * another number of edges than declared, or an edge that only one of its ends lists.
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readMetis(path: string, options: Omit<ReadOptions, 'selfLoops'> = {}): Promise<LoadedGraph> {
  const sources = new GrowableInt32();
  const destinations = new GrowableInt32();
  const values = new GrowableFloat32();
  let header: Header | undefined;
  let vertexSizes: Float32Array | undefined;
  let vertexWeights: Float32Array | undefined;
  let v = 0;
  const cursor = await forEachLine(path, options, '%', (line) => {
    if (!header) {
      header = parseHeader(line);
      if (header.hasSizes) vertexSizes = sharedFloat32(header.n);
      if (header.constraints > 0) vertexWeights = sharedFloat32(header.n * header.constraints);
      return;
    }
    const { n, constraints, hasEdgeWeights } = header;
    if (v === n) {
      if (line.hasToken()) throw line.error(`file must end after ${n} vertex lines, got more`);
      return;
    }
    if (vertexSizes) vertexSizes[v] = line.readFinite('vertex size');
    for (let c = 0; c < constraints; c++) vertexWeights![v * constraints + c] = line.readFinite('vertex weight');
    while (line.hasToken()) {
      const u = line.readInteger('neighbour', 1, n, 'METIS counts vertices from 1') - 1;
      if (u === v)
        throw line.error(`neighbour must be another vertex, got ${u + 1} itself; METIS files have no self-loops`);
      sources.push(u);
      destinations.push(v);
      if (hasEdgeWeights) values.push(line.readFinite('edge weight'));
    }
    v++;
  });
  if (!header) throw cursor.error('file must start with the line "n m [fmt [ncon]]", got only comments');
  const { n, m, hasEdgeWeights } = header;
  if (v < n) throw cursor.error(`file must hold ${n} vertex lines as declared, got ${v}; it may be cut short`);
  if (sources.length !== 2 * m) {
    throw new DataError(
      `${path}: vertex lines must list ${2 * m} neighbours (each of the ${m} declared edges twice), got ${sources.length}`,
      { path, declared: m, got: sources.length / 2 },
    );
  }
  const { dedupe = true, duplicateWeight = 'first', weights = true } = options;
  const graph = csrFromEdges({
    numVertices: n,
    sources: sources.view(),
    destinations: destinations.view(),
    ...(hasEdgeWeights && weights ? { weights: values.view() } : {}),
    dedupe,
    duplicateWeight,
  });
  checkBothListed(path, graph);
  markSymmetric(graph);
  return {
    format: 'metis',
    graph,
    edgesInFile: m,
    ...(vertexWeights ? { vertexWeights } : {}),
    ...(vertexSizes ? { vertexSizes } : {}),
  };
}

function parseHeader(line: TextCursor): Header {
  if (!line.hasToken()) throw line.error('first line must be "n m [fmt [ncon]]", got an empty line');
  const n = line.readInteger('number of vertices', 0, 2 ** 31 - 1);
  const m = line.readInteger('number of edges', 0, 2 ** 31 - 1);
  const format = line.hasToken() ? String(line.readInteger('fmt', 0, 111)).padStart(3, '0') : '000';
  if (!/^[01]{3}$/.test(format)) throw line.error(`fmt must be three digits of 0 and 1, got ${format}`);
  const hasWeights = format[1] === '1';
  const constraints = line.hasToken() ? line.readInteger('ncon', 0, 1000) : 1;
  if (line.hasToken()) throw line.error(`first line must be "n m [fmt [ncon]]", got also ${line.restOfLine()}`);
  return {
    n,
    m,
    hasSizes: format[0] === '1',
    hasEdgeWeights: format[2] === '1',
    constraints: hasWeights ? Math.max(1, constraints) : 0,
  };
}

function checkBothListed(path: string, g: CsrGraph): void {
  const { sources, destinations } = edgesOf(g);
  // Same walk as isSymmetric, but the first difference is named.
  const next = g.indptr.slice(0, g.numVertices);
  for (let e = 0; e < sources.length; e++) {
    const u = sources[e]!;
    const v = destinations[e]!;
    const at = next[u]!++;
    const w = at < g.indptr[u + 1]! ? g.indices[at]! : Number.POSITIVE_INFINITY;
    if (w === v) continue;
    const [lists, missing] = w < v ? [u, w] : [v, u];
    throw new DataError(
      `${path}: both ends must list an edge, but vertex ${lists + 1} lists ${missing + 1} and not the other way round; ` +
        'METIS graphs are undirected',
      { path, edge: [lists + 1, missing + 1] },
    );
  }
}
