/** Small graphs with everything that breaks trainers: hubs, isolated vertices, vertices far from any label. */
import { Rng } from '@strata-ml/core';
import { csrFromEdges } from '@strata-ml/graph';
import type { GraphData } from '../../src/index.js';

/** A random graph of `n` vertices with one hub, two isolated vertices and class-dependent dense or sparse features. */
export function awkwardGraph(n: number, options: { sparse: boolean; multiLabel?: boolean; seed?: number }): GraphData {
  const rng = new Rng(options.seed ?? 7);
  const classes = 3;
  const width = 10;
  const label = (v: number) => v % classes;
  const sources: number[] = [];
  const destinations: number[] = [];
  const add = (u: number, v: number) => {
    sources.push(u);
    destinations.push(v);
  };
  for (let v = 3; v < n; v++) {
    if (rng.uniformAt(v, 1) < 0.6) add(0, v); // 0 is the hub, 1 and 2 stay isolated
    for (let k = 0; k < 3; k++) {
      const u = 3 + rng.intAt(n - 3, v, 2 + k);
      if (label(u) === label(v) || rng.uniformAt(v, 10 + k) < 0.3) add(u, v);
    }
  }
  const graph = csrFromEdges({
    numVertices: n,
    sources: Int32Array.from(sources),
    destinations: Int32Array.from(destinations),
    symmetrize: true,
    selfLoops: 'drop',
  });
  const dense = Float32Array.from({ length: n * width }, (_, i) => {
    const v = Math.floor(i / width);
    const signal = i % width === label(v) ? 1 : 0;
    const keep = !options.sparse || rng.uniformAt(i, 20) < 0.3 || signal > 0;
    return keep ? signal + 0.5 * rng.normalAt(i, 21) : 0;
  });
  const ids = [...rng.split('split').permutation(n)];
  const pick = (from: number, to: number) => Int32Array.from(ids.slice(from, to)).sort();
  const multiLabels = Uint8Array.from({ length: n * classes }, (_, i) => {
    const v = Math.floor(i / classes);
    return i % classes === label(v) || rng.uniformAt(i, 30) < 0.2 ? 1 : 0;
  });
  return {
    name: 'awkward',
    graph,
    numFeatures: width,
    features: options.sparse ? { kind: 'csr', csr: toCsr(dense, n, width) } : { kind: 'dense', values: dense },
    labels: options.multiLabel ? new Int32Array(0) : Int32Array.from({ length: n }, (_, v) => label(v)),
    ...(options.multiLabel ? { multiLabels } : {}),
    numClasses: classes,
    split: {
      train: pick(0, Math.floor(n / 2)),
      val: pick(Math.floor(n / 2), Math.floor((3 * n) / 4)),
      test: pick(Math.floor((3 * n) / 4), n),
    },
  };
}

function toCsr(dense: Float32Array, rows: number, cols: number) {
  const indptr = new Int32Array(rows + 1);
  const indices: number[] = [];
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) if (dense[r * cols + c] !== 0) indices.push(c);
    indptr[r + 1] = indices.length;
  }
  const values: number[] = [];
  for (let i = 0; i < dense.length; i++) if (dense[i] !== 0) values.push(dense[i]!);
  return { rows, cols, indptr, indices: Int32Array.from(indices), values: Float32Array.from(values) };
}

/** All parameters one after the other. */
export function flat(weights: Readonly<Record<string, { readonly data: Float32Array }>>): Float32Array {
  const parts = Object.values(weights);
  const out = new Float32Array(parts.reduce((n, p) => n + p.data.length, 0));
  let at = 0;
  for (const { data } of parts) {
    out.set(data, at);
    at += data.length;
  }
  return out;
}
