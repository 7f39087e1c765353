/** Inputs that any language makes alike: integer arithmetic, then one division. `native/inputs.py` is the other half. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

/** Numbers in [−0.5, 0.5): ((37·i + 101·seed) mod 1009) / 1009 − 0.5, times a scale. */
export function fill(length: number, seed: number, scale = 1): Float32Array {
  const out = new Float32Array(length);
  for (let i = 0; i < length; i++) out[i] = (((i * 37 + seed * 101) % 1009) / 1009 - 0.5) * scale;
  return out;
}

/** A square matrix in CSR. */
export interface SquareMatrix {
  readonly rows: number;
  readonly cols: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly values: Float32Array;
}

/** A sparse matrix with almost equal rows, columns spread over all and ascending within a row. */
export function uniformMatrix(rows: number, nnz: number): SquareMatrix {
  const indptr = new Int32Array(rows + 1);
  for (let r = 0; r <= rows; r++) indptr[r] = Math.floor((r * nnz) / rows);
  const indices = new Int32Array(nnz);
  for (let e = 0; e < nnz; e++) indices[e] = (e * 48_271) % rows;
  for (let r = 0; r < rows; r++) indices.subarray(indptr[r]!, indptr[r + 1]!).sort();
  return { rows, cols: rows, indptr, indices, values: fill(nnz, 3) };
}

/** The symmetric matrix of a graph's edges, with the numbers of {@link fill} as values. `folder` holds the common layout. */
export function graphMatrix(folder: string): SquareMatrix {
  const { num_nodes: rows } = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as { num_nodes: number };
  const bytes = gunzipSync(readFileSync(join(folder, 'edges.i32.gz')));
  const edges = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const indptr = new Int32Array(rows + 1);
  for (const vertex of edges) indptr[vertex + 1]! += 1;
  for (let r = 0; r < rows; r++) indptr[r + 1]! += indptr[r]!;
  const next = indptr.slice();
  const indices = new Int32Array(edges.length);
  for (let e = 0; e < edges.length; e += 2) {
    const [u, v] = [edges[e]!, edges[e + 1]!];
    indices[next[u]!++] = v;
    indices[next[v]!++] = u;
  }
  for (let r = 0; r < rows; r++) indices.subarray(indptr[r]!, indptr[r + 1]!).sort();
  return { rows, cols: rows, indptr, indices, values: fill(edges.length, 3) };
}

/** Σ (i mod 7 − 3)·x_i in float64: contenders that computed the same print the same. */
export function checksum(x: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < x.length; i++) sum += ((i % 7) - 3) * x[i]!;
  return sum;
}
