/** Vertex features: read from the common layout, scaled by row, or made from degrees. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import type { NodeDataset, SparseFeatures } from '../NodeDataset.js';
import { checkFinite, checkRows, readArray } from './arrays.js';

/** Features and their number of columns. */
export type Features = Pick<NodeDataset, 'features' | 'numFeatures'>;

const noFeatures: Features = { features: { kind: 'none' }, numFeatures: 0 };

/**
 * Reads the features of a folder: `feat.indptr/indices[/values]`, else `feat.dense`, else none.
 *
 * @param columns - `num_features` of meta.json
 * @throws {@link DataError} if the rows are not those of the graph, a column is out of range or a value is not finite.
 */
export async function readFeatures(
  folder: string,
  numVertices: number,
  columns: number | undefined,
): Promise<Features> {
  const path = (name: string) => join(folder, name);
  const isSparse = existsSync(path('feat.indptr.i32.gz'));
  const isDense = existsSync(path('feat.dense.f32.gz'));
  if (!isSparse && !isDense) return noFeatures;
  if (columns === undefined || columns === 0) {
    throw new DataError(
      `${path('meta.json')}: num_features must be given with feature files, got ${columns ?? 'none'}`,
    );
  }
  if (isSparse) {
    return { features: { kind: 'csr', csr: await readSparse(path, numVertices, columns) }, numFeatures: columns };
  }
  const file = path('feat.dense.f32.gz');
  const values = await readArray(file, 'f32', undefined);
  if (values.length !== numVertices * columns) {
    throw new DataError(
      `${file}: features must have ${numVertices} rows of ${columns}, as the graph has vertices, ` +
        `got ${values.length} values (${values.length / columns} rows)`,
      { file, rows: values.length / columns, vertices: numVertices },
    );
  }
  checkFinite(file, values);
  return { features: { kind: 'dense', values }, numFeatures: columns };
}

async function readSparse(path: (name: string) => string, n: number, cols: number): Promise<SparseFeatures> {
  const indptrFile = path('feat.indptr.i32.gz');
  const indptr = await readArray(indptrFile, 'i32', undefined);
  if (indptr.length !== n + 1) {
    throw new DataError(
      `${indptrFile}: features must have ${n} rows, as the graph has vertices, got ${indptr.length - 1}`,
      { file: indptrFile, rows: indptr.length - 1, vertices: n },
    );
  }
  const indices = await readArray(path('feat.indices.i32.gz'), 'i32', undefined);
  checkRows(path('feat.indices.i32.gz'), indptr, indices, cols);
  const valuesFile = path('feat.values.f32.gz');
  if (!existsSync(valuesFile)) return { rows: n, cols, indptr, indices };
  const values = await readArray(valuesFile, 'f32', indices.length);
  checkFinite(valuesFile, values);
  return { rows: n, cols, indptr, indices, values };
}

/**
 * Features for a graph that has none: one-hot of the degree's bucket, 0, 1, 2–3, 4–7, 8–15, …; as many columns as
 * the largest degree needs. They tell structure only.
 */
export function degreeFeatures(graph: CsrGraph): Features {
  const n = graph.numVertices;
  const indptr = new Int32Array(new SharedArrayBuffer(4 * (n + 1)));
  const indices = new Int32Array(new SharedArrayBuffer(4 * n));
  let cols = 1;
  for (let v = 0; v < n; v++) {
    const degree = graph.indptr[v + 1]! - graph.indptr[v]!;
    const bucket = 32 - Math.clz32(degree); // 0 for isolated, else 1 + ⌊log₂ degree⌋
    indptr[v + 1] = v + 1;
    indices[v] = bucket;
    cols = Math.max(cols, bucket + 1);
  }
  return { features: { kind: 'csr', csr: { rows: n, cols, indptr, indices } }, numFeatures: cols };
}

/** One-hot of the vertex's id: a vector of its own for every vertex. */
export function identityFeatures(numVertices: number): Features {
  const indptr = new Int32Array(new SharedArrayBuffer(4 * (numVertices + 1)));
  const indices = new Int32Array(new SharedArrayBuffer(4 * numVertices));
  for (let v = 0; v < numVertices; v++) {
    indptr[v + 1] = v + 1;
    indices[v] = v;
  }
  const csr = { rows: numVertices, cols: numVertices, indptr, indices };
  return { features: { kind: 'csr', csr }, numFeatures: numVertices };
}
