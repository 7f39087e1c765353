/** The graph a multilevel partitioner works on: integer weights on vertices and edges, no self-loops. */
import type { CsrGraph } from '../csr/CsrGraph.js';

/** A symmetric weighted graph in compressed rows. */
export interface LevelGraph {
  readonly n: number;
  /** int32 `[n + 1]`. */
  readonly rowPtr: Int32Array;
  /** int32 `[arcs]`; no row holds its own number or a number twice. */
  readonly neighbours: Int32Array;
  /** Weight of each arc, int32 `[arcs]`; absent = all 1. */
  readonly arcWeights?: Int32Array;
  /** Row-major int32 `[n, constraints]`. */
  readonly vertexWeights: Int32Array;
  /** Weights per vertex, ≥ 1; the first is the number of original vertices. */
  readonly constraints: number;
}

/**
 * The finest level: the symmetric graph `g` without its self-loops, vertex weights 1 and those given.
 *
 * Shares the arrays of `g` where there are no self-loops. Edge weights of `g` do not count.
 *
 * @param further - one weight per vertex each, int32 `[n]`
 */
export function finestLevel(g: CsrGraph, further: readonly Int32Array[] = []): LevelGraph {
  const { numVertices: n, indptr, indices } = g;
  const constraints = 1 + further.length;
  const vertexWeights = new Int32Array(n * constraints).fill(1);
  further.forEach((weights, i) => {
    for (let v = 0; v < n; v++) vertexWeights[v * constraints + i + 1] = weights[v]!;
  });
  let loops = 0;
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) if (indices[e] === v) loops++;
  }
  if (loops === 0) return { n, rowPtr: indptr, neighbours: indices, vertexWeights, constraints };
  const rowPtr = new Int32Array(n + 1);
  const neighbours = new Int32Array(indices.length - loops);
  let at = 0;
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) if (indices[e] !== v) neighbours[at++] = indices[e]!;
    rowPtr[v + 1] = at;
  }
  return { n, rowPtr, neighbours, vertexWeights, constraints };
}

/** Sum of each vertex weight. float64 `[constraints]`. */
export function totalWeights({ n, vertexWeights, constraints }: LevelGraph): Float64Array {
  const totals = new Float64Array(constraints);
  for (let i = 0; i < n * constraints; i++) totals[i % constraints]! += vertexWeights[i]!;
  return totals;
}

/** Twice the weight of all edges. */
export function totalArcWeight({ neighbours, arcWeights }: LevelGraph): number {
  if (!arcWeights) return neighbours.length;
  let sum = 0;
  for (let e = 0; e < arcWeights.length; e++) sum += arcWeights[e]!;
  return sum;
}

/** The subgraph of the vertices whose part is `part`, and their numbers in `g`, ascending. */
export function levelSubgraph(
  g: LevelGraph,
  partOf: Int32Array,
  part: number,
): { readonly graph: LevelGraph; readonly vertices: Int32Array } {
  const { n, rowPtr, neighbours, arcWeights, vertexWeights, constraints } = g;
  const local = new Int32Array(n);
  let count = 0;
  let arcs = 0;
  for (let v = 0; v < n; v++) {
    if (partOf[v] !== part) continue;
    local[v] = count++;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) if (partOf[neighbours[e]!] === part) arcs++;
  }
  const vertices = new Int32Array(count);
  const subPtr = new Int32Array(count + 1);
  const subNeighbours = new Int32Array(arcs);
  const subArcs = new Int32Array(arcs);
  const subWeights = new Int32Array(count * constraints);
  let at = 0;
  let i = 0;
  for (let v = 0; v < n; v++) {
    if (partOf[v] !== part) continue;
    vertices[i] = v;
    for (let c = 0; c < constraints; c++) subWeights[i * constraints + c] = vertexWeights[v * constraints + c]!;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) {
      const u = neighbours[e]!;
      if (partOf[u] !== part) continue;
      subNeighbours[at] = local[u]!;
      subArcs[at++] = arcWeights ? arcWeights[e]! : 1;
    }
    subPtr[++i] = at;
  }
  return {
    graph: {
      n: count,
      rowPtr: subPtr,
      neighbours: subNeighbours,
      arcWeights: subArcs,
      vertexWeights: subWeights,
      constraints,
    },
    vertices,
  };
}
