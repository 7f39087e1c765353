/** The twelve-vertex graph of test/golden/gnn.py, as the package's inputs. */
import { readFileSync } from 'node:fs';

export interface GoldenArray {
  readonly shape: number[];
  readonly data: number[];
}

export interface GoldenCase {
  readonly spec: Record<string, unknown>;
  readonly parameters: Record<string, GoldenArray>;
  readonly buffers: Record<string, GoldenArray>;
  readonly logits: GoldenArray;
  readonly loss: number;
  readonly gradients: Record<string, GoldenArray>;
  readonly bce: number;
  readonly bceGradients: Record<string, GoldenArray>;
}

export interface Golden {
  readonly numVertices: number;
  readonly edges: [number, number][];
  readonly features: GoldenArray;
  readonly labels: number[];
  readonly multiLabels: number[];
  readonly rows: number[];
  readonly divisor: number;
  readonly hidden: number;
  readonly numClasses: number;
  readonly cases: GoldenCase[];
  readonly optimizers: { optimizer: string; start: number[]; gradients: number[][]; after: number[][] }[];
}

export const golden = JSON.parse(readFileSync(new URL('../golden/gnn.json', import.meta.url), 'utf8')) as Golden;

/** Both directions of the edges plus one self-loop per vertex, rows ascending; vertex v is renamed to order[v]. */
export function messageGraphOf(numVertices: number, edges: readonly (readonly [number, number])[], order?: number[]) {
  const name = (v: number) => order?.[v] ?? v;
  const rows: number[][] = Array.from({ length: numVertices }, (_, v) => [v]);
  for (const [u, v] of edges) {
    rows[name(u)]!.push(name(v));
    rows[name(v)]!.push(name(u));
  }
  const indptr = new Int32Array(numVertices + 1);
  rows.forEach((row, v) => {
    row.sort((a, b) => a - b);
    indptr[v + 1] = indptr[v]! + row.length;
  });
  return { numVertices, indptr, indices: Int32Array.from(rows.flat()) };
}

/** Dense features as CSR, zeros left out. */
export function sparseOf(values: Float32Array, rows: number) {
  const cols = values.length / rows;
  const indptr = new Int32Array(rows + 1);
  const indices: number[] = [];
  const kept: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      const value = values[r * cols + c]!;
      if (value === 0) continue;
      indices.push(c);
      kept.push(value);
    }
    indptr[r + 1] = indices.length;
  }
  return { rows, cols, indptr, indices: Int32Array.from(indices), values: Float32Array.from(kept) };
}
