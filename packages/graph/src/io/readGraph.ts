/** Reads a graph in whatever supported format it is. */
import { stat } from 'node:fs/promises';
import { OptionError } from '@strata-ml/core';
import { isBinaryEdgePath } from '../stream/edgeFile.js';
import { type GraphFormat, graphFormats, type LoadedGraph } from './LoadedGraph.js';
import { firstLine } from './lineBlocks.js';
import { readBinaryEdges } from './readBinaryEdges.js';
import { type EdgeListOptions, readEdgeList } from './readEdgeList.js';
import { readMatrixMarket } from './readMatrixMarket.js';
import { readMetis } from './readMetis.js';
import { readOgbCsv } from './readOgbCsv.js';

/** Options of {@link readGraph}: those of {@link readEdgeList}, where they apply, and the format. */
export interface ReadGraphOptions extends EdgeListOptions {
  /** @defaultValue found by {@link detectGraphFormat} */
  readonly format?: GraphFormat;
}

/**
 * Reads an edge list, binary edge list, Matrix Market file, METIS graph or OGB raw CSV folder; gzip is recognised by content.
 *
 * `directed` means what it means to the reader of the format (METIS graphs are always undirected).
 *
 * @throws `DataError` with path, line, what was got and what to do.
 * @throws {@link OptionError} if `format` is unknown.
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readGraph(path: string, options: ReadGraphOptions = {}): Promise<LoadedGraph> {
  const { format = await detectGraphFormat(path), ...rest } = options;
  switch (format) {
    case 'edge-list':
      return readEdgeList(path, rest);
    case 'binary':
      return readBinaryEdges(path, rest);
    case 'matrix-market':
      return readMatrixMarket(path, rest);
    case 'metis':
      return readMetis(path, rest);
    case 'ogb-csv':
      return readOgbCsv(path, rest);
    default:
      throw new OptionError('readGraph', 'format', format, `one of ${graphFormats.join(', ')}`);
  }
}

/**
 * Tells the format: a folder is OGB CSV, `.mtx` and a first line `%%MatrixMarket` are Matrix Market, `.graph` and
 * `.metis` are METIS, `.i32`, `.bin` and `.edges` are binary edges; everything else is an edge list. A trailing `.gz` is ignored.
 *
 * @throws `DataError` if the file cannot be read.
 */
export async function detectGraphFormat(path: string): Promise<GraphFormat> {
  const isFolder = await stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
  if (isFolder) return 'ogb-csv';
  const extension = /\.([^./\\]+)(\.gz)?$/i.exec(path)?.[1]?.toLowerCase();
  if (extension === 'mtx' || extension === 'mm') return 'matrix-market';
  if (isBinaryEdgePath(path)) return 'binary';
  if (extension === 'graph' || extension === 'metis') return 'metis';
  return (await firstLine(path)).toLowerCase().startsWith('%%matrixmarket') ? 'matrix-market' : 'edge-list';
}
