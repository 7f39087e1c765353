/**
 * Converts the files of the Planetoid repository (`ind.NAME.x` and so on) to the common layout, byte for byte as the
 * registered checksums have it.
 *
 * Yang, Cohen, Salakhutdinov: "Revisiting Semi-Supervised Learning with Graph Embeddings", ICML 2016, arXiv:1603.08861.
 */
import { DataError } from '@strata-ml/core';
import { connectedComponents, csrFromEdges, degrees } from '@strata-ml/graph';
import { type PickledArray, readPickle } from './pickle.js';
import type { Sources } from './recipes.js';

/** Vertices that validate, after those that train. */
const validationCount = 500;

const titles: Readonly<Record<string, string>> = {
  cora: 'Cora citation graph (Planetoid)',
  citeseer: 'Citeseer citation graph (Planetoid)',
};

/** Content of the files of the data set's folder, uncompressed, by name without `.gz`. */
export function planetoid(name: string, sources: Sources): Record<string, Uint8Array> {
  const read = (part: string) => readPickle(sources[part]!, `ind.${name}.${part}`);
  const neighbours = read('graph') as Map<number, number[]>;
  const numVertices = neighbours.size;
  const test = sources['test.index']!.toString('latin1').trim().split(/\s+/).map(Number);
  const rowOf = rowOrder(name, numVertices, test);
  const features = [...sparseRows(read('allx')), ...sparseRows(read('tx'))];
  const oneHot = [...oneHotRows(read('ally')), ...oneHotRows(read('ty'))];
  const numFeatures = (((read('allx') as Map<string, unknown>).get('_shape') as number[])[1] ?? 0) | 0;
  const numClasses = (read('ally') as PickledArray).shape[1] ?? 0;
  const rows = Array.from({ length: numVertices }, (_, v) => features[rowOf[v]!] ?? []);
  const labels = Int32Array.from({ length: numVertices }, (_, v) => oneHot[rowOf[v]!] ?? -1);
  const edges = simpleEdges(neighbours);
  const train = Array.from({ length: (read('y') as PickledArray).shape[0]! }, (_, i) => i);
  const split = {
    description:
      'public fixed split: first 20 nodes per class for training, the next 500 for validation, ' +
      'the 1000 listed test nodes (order as published)',
    train,
    val: Array.from({ length: validationCount }, (_, i) => train.length + i),
    test,
  };
  const indptr = new Int32Array(numVertices + 1);
  rows.forEach((row, v) => {
    indptr[v + 1] = indptr[v]! + row.length;
  });
  const counts = { name, numVertices, numFeatures, numClasses, nnz: indptr[numVertices]! };
  const meta = describe(counts, edges, labels, rows, neighbours);
  return {
    'edges.i32': bytesOf(Int32Array.from(edges.flat())),
    'feat.indices.i32': bytesOf(Int32Array.from(rows.flat())),
    'feat.indptr.i32': bytesOf(indptr),
    'labels.i32': bytesOf(labels),
    'meta.json': Buffer.from(`${JSON.stringify(meta, null, 1)}\n`),
    'split.json': Buffer.from(JSON.stringify(split)),
  };
}

/** Position of each vertex among the rows of allx and tx; −1 for vertices that are in neither. */
function rowOrder(name: string, numVertices: number, test: readonly number[]): Int32Array {
  const first = Math.min(...test);
  const rowOf = Int32Array.from({ length: numVertices }, (_, v) => (v < first ? v : -1));
  test.forEach((v, i) => {
    if (!(v >= 0 && v < numVertices)) throw new DataError(`ind.${name}.test.index: id ${v} at line ${i} is no vertex`);
    rowOf[v] = first + i; // row i of tx belongs to the i-th id listed
  });
  return rowOf;
}

/** Columns of each row of a binary sparse matrix. */
function sparseRows(matrix: unknown): number[][] {
  const parts = matrix as Map<string, unknown>;
  const indptr = integers(parts.get('indptr') as PickledArray);
  const indices = integers(parts.get('indices') as PickledArray);
  return Array.from({ length: indptr.length - 1 }, (_, r) =>
    [...indices.subarray(indptr[r], indptr[r + 1])].sort((a, b) => a - b),
  );
}

/** Position of the one in each row, −1 for a row of zeros. */
function oneHotRows(matrix: unknown): number[] {
  const { shape, bytes } = matrix as PickledArray;
  const values = integers(matrix as PickledArray);
  const [rows = 0, columns = 0] = shape;
  if (values.length !== rows * columns)
    throw new DataError(`labels: ${rows} × ${columns} expected, got ${bytes.length} bytes`);
  return Array.from({ length: rows }, (_, r) => values.subarray(r * columns, (r + 1) * columns).indexOf(1));
}

function integers({ dtype, bytes }: PickledArray): Int32Array {
  if (dtype === 'i4') return new Int32Array(Uint8Array.from(bytes).buffer);
  if (dtype === 'i8') return Int32Array.from(new BigInt64Array(Uint8Array.from(bytes).buffer), Number);
  throw new DataError(`pickle: arrays must be i4 or i8, got ${dtype}`);
}

/** Undirected edges u < v, each once, ascending. */
function simpleEdges(neighbours: Map<number, number[]>): [number, number][] {
  const edges: [number, number][] = [];
  for (const [u, list] of [...neighbours].sort(([a], [b]) => a - b)) {
    for (const v of [...new Set(list)].sort((a, b) => a - b)) if (u < v) edges.push([u, v]);
  }
  return edges;
}

function describe(
  counts: { name: string; numVertices: number; numFeatures: number; numClasses: number; nnz: number },
  edges: readonly [number, number][],
  labels: Int32Array,
  rows: readonly (readonly number[])[],
  neighbours: Map<number, number[]>,
): Record<string, unknown> {
  const { name, numVertices, numFeatures, numClasses, nnz } = counts;
  const graph = csrFromEdges({
    numVertices,
    sources: Int32Array.from(edges, ([u]) => u),
    destinations: Int32Array.from(edges, ([, v]) => v),
    symmetrize: true,
  });
  const components = connectedComponents(graph);
  const degree = degrees(graph).inDegrees;
  const lists = [...neighbours];
  const int32 = (...shape: number[]) => ({ dtype: 'int32le', shape });
  return {
    name,
    title: titles[name] ?? name,
    num_nodes: numVertices,
    num_edges: edges.length,
    edges: 'undirected, each edge once, u < v, no self-loops, sorted',
    num_classes: numClasses,
    class_counts: Array.from({ length: numClasses }, (_, c) => labels.filter((label) => label === c).length),
    unlabelled: labels.filter((label) => label < 0).length,
    num_features: numFeatures,
    features: { layout: 'csr', nnz, binary: true, empty_rows: rows.filter((row) => row.length === 0).length },
    connected_components: components.count,
    largest_component_nodes: components.sizes.reduce((a, b) => Math.max(a, b)),
    degree: {
      min: degree.reduce((a, b) => Math.min(a, b)),
      max: degree.reduce((a, b) => Math.max(a, b)),
      isolated: degree.filter((d) => d === 0).length,
    },
    raw_adjacency_entries: lists.reduce((sum, [, list]) => sum + list.length, 0),
    raw_self_loop_entries: lists.reduce((sum, [v, list]) => sum + list.filter((u) => u === v).length, 0),
    files: {
      'edges.i32.gz': int32(edges.length, 2),
      'labels.i32.gz': int32(numVertices),
      'feat.indptr.i32.gz': int32(numVertices + 1),
      'feat.indices.i32.gz': int32(nnz),
    },
  };
}

function bytesOf(array: Int32Array): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
