// TEMPORARY stand-in for @strata-ml/graph.
export interface CsrGraph {
  readonly numVertices: number;
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly weights?: Float32Array;
}
export function csrFromEdges(o: {
  numVertices?: number;
  sources: Int32Array;
  destinations: Int32Array;
  weights?: Float32Array;
  symmetrize?: boolean;
  dedupe?: boolean;
  selfLoops?: 'keep' | 'drop' | 'add';
}): CsrGraph {
  const n = o.numVertices!;
  const adj: Map<number, number>[] = Array.from({ length: n }, () => new Map());
  for (let i = 0; i < o.sources.length; i++) {
    const u = o.sources[i]!;
    const v = o.destinations[i]!;
    if (u === v) continue;
    adj[v]!.set(u, o.weights?.[i] ?? 1);
    adj[u]!.set(v, o.weights?.[i] ?? 1);
  }
  const indptr = new Int32Array(new SharedArrayBuffer(4 * (n + 1)));
  adj.forEach((a, v) => {
    indptr[v + 1] = indptr[v]! + a.size;
  });
  const indices = new Int32Array(new SharedArrayBuffer(4 * indptr[n]!));
  const weights = new Float32Array(new SharedArrayBuffer(4 * indptr[n]!));
  adj.forEach((a, v) => {
    [...a]
      .sort((x, y) => x[0] - y[0])
      .forEach(([u, w], k) => {
        indices[indptr[v]! + k] = u;
        weights[indptr[v]! + k] = w;
      });
  });
  return { numVertices: n, indptr, indices, ...(o.weights ? { weights } : {}) };
}
export async function readGraph(path: string): Promise<CsrGraph> {
  throw new Error(`graph package not there yet: ${path}`);
}
