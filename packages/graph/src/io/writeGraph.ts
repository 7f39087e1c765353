/** Writers of edge lists and METIS graphs; files appear whole or not at all. */
import { atomicWrite, OptionError } from '@strata-ml/core';
import type { CsrGraph } from '../csr/CsrGraph.js';
import { isSymmetric } from '../csr/symmetry.js';
import { ByteWriter, formatFloat32, maybeGzip } from './ByteWriter.js';

const TAB = 9;
const NEWLINE = 10;
const SPACE = 32;

/** Options of {@link writeEdgeList}. */
export interface WriteEdgeListOptions {
  /** Write every stored edge, source first. @defaultValue `false` for symmetric graphs, which then list each edge once */
  readonly directed?: boolean;
  /** Write weights as third column. @defaultValue true if the graph has them */
  readonly weights?: boolean;
}

/**
 * Writes `source<TAB>destination[<TAB>weight]` lines after one `#` line with the counts; gzip if the path ends in `.gz`.
 *
 * Reading it back with the same `directed` gives the same graph (isolated vertices after the last one with an edge need
 * `numVertices`). Weights are written so that they read back exactly. Atomic: temporary file, fsync, rename.
 *
 * @throws {@link OptionError} if `directed: false` is asked for a graph that is not symmetric, or the folder is not writable.
 */
export async function writeEdgeList(path: string, g: CsrGraph, options: WriteEdgeListOptions = {}): Promise<void> {
  const isUndirected = isSymmetric(g);
  const { directed = !isUndirected, weights = g.weights !== undefined } = options;
  if (!directed && !isUndirected) {
    throw new OptionError('writeEdgeList', 'directed', false, 'true for a graph that is not symmetric');
  }
  await atomicWrite(path, maybeGzip(path, edgeListChunks(g, directed, weights)));
}

function* edgeListChunks(g: CsrGraph, directed: boolean, weights: boolean): Generator<Uint8Array> {
  const { numVertices: n, indptr, indices } = g;
  const out = new ByteWriter();
  out.text(`# ${directed ? 'directed' : 'undirected'} graph, ${n} vertices, ${indices.length} stored edges\n`);
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (!directed && u > v) break;
      out.integer(u);
      out.byte(TAB);
      out.integer(v);
      if (weights) {
        out.byte(TAB);
        out.text(g.weights ? formatFloat32(g.weights[e]!) : '1');
      }
      out.byte(NEWLINE);
      if (out.isFull) yield out.take();
    }
  }
  yield out.take();
}

/** Options of {@link writeMetis}. */
export interface WriteMetisOptions {
  /** Write edge weights (fmt 001); METIS wants integers ≥ 1. @defaultValue `false` */
  readonly weights?: boolean;
}

/**
 * Writes the METIS graph format, as `gpmetis` reads it; self-loops are left out, as METIS has none. gzip if the path ends
 * in `.gz`. Atomic: temporary file, fsync, rename.
 *
 * @throws {@link OptionError} if the graph is not symmetric, a weight is no integer ≥ 1, or the folder is not writable.
 */
export async function writeMetis(
  path: string,
  g: CsrGraph,
  { weights = false }: WriteMetisOptions = {},
): Promise<void> {
  if (!isSymmetric(g)) {
    throw new OptionError(
      'writeMetis',
      'graph',
      'a directed graph',
      'symmetric',
      'pass it through symmetrizeGraph first',
    );
  }
  const { numVertices: n, indptr, indices } = g;
  let loops = 0;
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      if (indices[e] === v) loops++;
      const weight = weights && g.weights ? g.weights[e]! : 1;
      if (!(Number.isInteger(weight) && weight >= 1)) {
        throw new OptionError('writeMetis', 'weight', weight, 'an integer ≥ 1', 'scale the weights, or leave them out');
      }
    }
  }
  await atomicWrite(path, maybeGzip(path, metisChunks(g, (indices.length - loops) / 2, weights)));
}

/** The text of a METIS file. @param edges - undirected, self-loops not counted */
export function* metisChunks(g: CsrGraph, edges: number, weights: boolean): Generator<Uint8Array> {
  const { numVertices: n, indptr, indices } = g;
  const out = new ByteWriter();
  out.text(`${n} ${edges}${weights ? ' 001' : ''}\n`);
  for (let v = 0; v < n; v++) {
    let isFirst = true;
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
      const u = indices[e]!;
      if (u === v) continue;
      if (!isFirst) out.byte(SPACE);
      isFirst = false;
      out.integer(u + 1);
      if (weights) {
        out.byte(SPACE);
        out.integer(g.weights ? g.weights[e]! : 1);
      }
      if (out.isFull) yield out.take();
    }
    out.byte(NEWLINE);
    if (out.isFull) yield out.take();
  }
  yield out.take();
}
