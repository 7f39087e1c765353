/** The raw folder of an Open Graph Benchmark node data set: `edge.csv.gz` and its companions. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import type { LoadedGraph, ReadOptions } from './LoadedGraph.js';
import type { ReadProgress } from './lineBlocks.js';
import { readNumberTable } from './readNumberTable.js';

/** Options of {@link readOgbCsv}. */
export interface OgbCsvOptions extends ReadOptions {
  /** Keep edges as the file has them, source first. @defaultValue `true`; OGB's users often symmetrise ogbn-arxiv */
  readonly directed?: boolean;
}

/** A graph with what its folder holds about the vertices. */
export interface OgbGraph extends LoadedGraph {
  /** `node-feat`, float32 `[n, numFeatures]`, row-major; absent if there is no such file. */
  readonly features?: Float32Array;
  readonly numFeatures: number;
  /** `node-label`, int32 `[n, labelColumns]`, −1 where it says nan; absent if there is no such file. */
  readonly labels?: Int32Array;
  readonly labelColumns: number;
}

/**
 * Reads `edge`, `num-node-list`, and if present `num-edge-list`, `edge-weight`, `node-feat` and `node-label`, each
 * `.csv.gz` or `.csv`, from `folder` or from its sub-folder `raw`. Only data sets that hold a single graph.
 *
 * @throws {@link DataError} if a file is missing, malformed, or contradicts another (path, line, what to do).
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readOgbCsv(folder: string, options: OgbCsvOptions = {}): Promise<OgbGraph> {
  const find = (name: string) =>
    [folder, join(folder, 'raw')]
      .flatMap((base) => [join(base, `${name}.csv.gz`), join(base, `${name}.csv`)])
      .find((path) => existsSync(path));
  const mustFind = (name: string) => {
    const path = find(name);
    if (path === undefined) {
      throw new DataError(`${folder}: folder must hold ${name}.csv.gz (or raw/${name}.csv.gz), got none`, { folder });
    }
    return path;
  };
  const { signal, onProgress } = options;
  const control = {
    ...(signal ? { signal } : {}),
    ...(onProgress ? { onProgress: (progress: ReadProgress) => onProgress(progress) } : {}),
  };
  const edgePath = mustFind('edge');
  const n = await readCount(mustFind('num-node-list'));
  const edges = await readNumberTable(edgePath, { dtype: 'int32', ...control });
  if (edges.rows > 0 && edges.columns !== 2) {
    throw new DataError(`${edgePath}: rows must have 2 columns, source and destination, got ${edges.columns}`);
  }
  const edgeCount = find('num-edge-list');
  const declared = edgeCount === undefined ? edges.rows : await readCount(edgeCount);
  if (declared !== edges.rows) {
    throw new DataError(`${edgePath}: file must hold ${declared} edges as ${edgeCount} says, got ${edges.rows}`);
  }
  const sources = new Int32Array(edges.rows);
  const destinations = new Int32Array(edges.rows);
  for (let i = 0; i < edges.rows; i++) {
    const u = edges.values[2 * i]!;
    const v = edges.values[2 * i + 1]!;
    if (u < 0 || u >= n || v < 0 || v >= n) {
      const bad = u < 0 || u >= n ? u : v;
      throw new DataError(`${edgePath}: ids of edge ${i + 1} must be in 0 … ${n - 1}, got ${bad}`, { edge: i + 1 });
    }
    sources[i] = u;
    destinations[i] = v;
  }
  const { dedupe = true, duplicateWeight = 'first', selfLoops = 'keep', directed = true } = options;
  const weightPath = options.weights === false ? undefined : find('edge-weight');
  const weights = weightPath && (await readNumberTable(weightPath, { rows: edges.rows, ...control })).values;
  const graph = csrFromEdges({
    numVertices: n,
    sources,
    destinations,
    ...(weights ? { weights } : {}),
    symmetrize: !directed,
    dedupe,
    duplicateWeight,
    selfLoops,
  });
  const featurePath = find('node-feat');
  const features = featurePath && (await readNumberTable(featurePath, { rows: n, ...control }));
  const labelPath = find('node-label');
  const labels = labelPath && (await readNumberTable(labelPath, { dtype: 'int32', missing: -1, rows: n, ...control }));
  return {
    format: 'ogb-csv',
    graph,
    edgesInFile: edges.rows,
    numFeatures: features ? features.columns : 0,
    labelColumns: labels ? labels.columns : 0,
    ...(features ? { features: features.values } : {}),
    ...(labels ? { labels: labels.values } : {}),
  };
}

async function readCount(path: string): Promise<number> {
  const { rows, columns, values } = await readNumberTable(path, { dtype: 'int32' });
  if (rows !== 1 || columns !== 1 || values[0]! < 0) {
    throw new DataError(`${path}: file must hold one count ≥ 0 (a single graph), got ${rows} rows`, { path });
  }
  return values[0]!;
}
