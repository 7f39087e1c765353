/** The subgraph of a chunk as the multilevel partitioner wants it: vertices that occur, rows ascending, repeats as weights. */
import type { LevelGraph } from '../multilevel/LevelGraph.js';
import type { ChunkRows } from './ChunkRows.js';

/** The chunk's graph and the vertex each of its own stands for, ascending. */
export function seedGraph({ rowPtr, neighbours }: ChunkRows): { graph: LevelGraph; vertices: Int32Array } {
  const n = rowPtr.length - 1;
  let count = 0;
  for (let v = 0; v < n; v++) if (rowPtr[v + 1]! > rowPtr[v]!) count++;
  const vertices = new Int32Array(count);
  const localPtr = new Int32Array(count + 1);
  const localOf = new Int32Array(n);
  for (let v = 0, i = 0; v < n; v++) {
    if (rowPtr[v + 1]! === rowPtr[v]!) continue;
    vertices[i] = v;
    localOf[v] = i++;
    localPtr[i] = rowPtr[v + 1]!;
  }
  // Rows of a symmetric graph, written column by column in ascending order, come out sorted.
  const sorted = new Int32Array(rowPtr[n]!);
  const next = localPtr.slice(0, count);
  for (let i = 0; i < count; i++) {
    const v = vertices[i]!;
    for (let e = rowPtr[v]!, end = rowPtr[v + 1]!; e < end; e++) sorted[next[localOf[neighbours[e]!]!]!++] = i;
  }
  const vertexWeights = new Int32Array(count).fill(1);
  const isSimple = sorted.every((u, e) => e === 0 || u !== sorted[e - 1] || isRowStart(localPtr, e));
  if (isSimple)
    return { graph: { n: count, rowPtr: localPtr, neighbours: sorted, vertexWeights, constraints: 1 }, vertices };
  const arcWeights = new Int32Array(sorted.length);
  let at = 0;
  for (let i = 0, begin = 0; i < count; i++) {
    const end = localPtr[i + 1]!;
    const rowBegin = at;
    for (let e = begin; e < end; e++) {
      if (at > rowBegin && sorted[at - 1] === sorted[e]) arcWeights[at - 1]!++;
      else {
        sorted[at] = sorted[e]!;
        arcWeights[at++] = 1;
      }
    }
    begin = end;
    localPtr[i + 1] = at;
  }
  const graph = {
    n: count,
    rowPtr: localPtr,
    neighbours: sorted.subarray(0, at),
    arcWeights: arcWeights.subarray(0, at),
    vertexWeights,
    constraints: 1,
  };
  return { graph, vertices };
}

/** True if a row begins at arc e: looked up only where two arcs in a row are equal. */
function isRowStart(rowPtr: Int32Array, e: number): boolean {
  let low = 0;
  let high = rowPtr.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rowPtr[middle]! < e) low = middle + 1;
    else high = middle;
  }
  return rowPtr[low] === e;
}
