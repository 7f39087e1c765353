/** One partition's edges in the row order of its gathered input, both directions, with weights of the whole graph. */
import type { BipartiteCsr } from '../store/BipartiteCsr.js';
import type { PartitionRows } from './rowsOfPairs.js';

/** What a partition gathers from the others. */
export interface Boundary {
  /** New ids outside the partition, ascending: grouped by owner, ascending inside. int32 `[e_p − n_p]`. */
  readonly ids: Int32Array;
  /** Entries from each owner. uint32 `[P]`. */
  readonly counts: Uint32Array;
  /** Edges that come from there. */
  readonly edges: number;
}

/** Finds boundaries with one bit per vertex, which is clear between calls. */
export class BoundaryFinder {
  readonly #marks: Int32Array;
  readonly #offsets: Float64Array;

  constructor(vertices: number, offsets: Float64Array) {
    this.#marks = new Int32Array(Math.ceil(vertices / 32));
    this.#offsets = offsets;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#marks.byteLength;
  }

  /** Boundary of partition p. O(nonZeros + N / 32). */
  find(p: number, { sources }: PartitionRows): Boundary {
    const marks = this.#marks;
    const offsets = this.#offsets;
    const [begin, end] = [offsets[p]!, offsets[p + 1]!];
    let count = 0;
    let edges = 0;
    for (const u of sources) {
      if (u >= begin && u < end) continue;
      edges++;
      const word = marks[u >> 5]!;
      if ((word >> (u & 31)) & 1) continue;
      marks[u >> 5] = word | (1 << (u & 31));
      count++;
    }
    const ids = new Int32Array(count);
    const counts = new Uint32Array(offsets.length - 1);
    let owner = 0;
    for (let w = 0, at = 0; at < count; w++) {
      for (let bits = marks[w]!; bits !== 0; bits &= bits - 1) {
        const u = 32 * w + 31 - Math.clz32(bits & -bits);
        while (u >= offsets[owner + 1]!) owner++;
        counts[owner]!++;
        ids[at++] = u;
      }
      marks[w] = 0;
    }
    return { ids, counts, edges };
  }
}

/** Degrees in the message graph, self-loops included. int32 `[N]`, by new ids. */
export interface MessageDegrees {
  readonly into: Int32Array;
  readonly out: Int32Array;
}

/**
 * Fills `into` (see `bipartiteView`) with the edges of a partition.
 *
 * Weights are 1 / √(outDegree(u) · inDegree(v)) in float64, rounded once: those of training in memory, to the bit.
 *
 * @param first - new id of the partition's first vertex
 * @param columnOf - scratch, int32 `[N]`; entries of this partition's sources are overwritten
 */
export function fillBipartite(
  into: BipartiteCsr,
  { rowPointers, sources }: PartitionRows,
  first: number,
  boundary: Int32Array,
  degrees: MessageDegrees,
  columnOf: Int32Array,
): void {
  const { rows, columns } = into;
  for (let v = 0; v < rows; v++) columnOf[first + v] = v;
  for (let i = 0; i < boundary.length; i++) columnOf[boundary[i]!] = rows + i;
  into.rowPointers.set(rowPointers);
  for (let v = 0; v < rows; v++) {
    const begin = rowPointers[v]!;
    const end = rowPointers[v + 1]!;
    const row = into.columnIndices.subarray(begin, end);
    // Own columns come first, though their ids may lie between those of the others.
    let at = 0;
    for (let e = begin; e < end; e++) {
      const column = columnOf[sources[e]!]!;
      if (column < rows) row[at++] = column;
    }
    for (let e = begin; e < end; e++) {
      const column = columnOf[sources[e]!]!;
      if (column >= rows) row[at++] = column;
    }
    if (!into.weights) continue;
    const inDegree = degrees.into[first + v]!;
    for (let e = begin; e < end; e++) {
      const column = into.columnIndices[e]!;
      const u = column < rows ? first + column : boundary[column - rows]!;
      into.weights[e] = 1 / Math.sqrt(degrees.out[u]! * inDegree);
    }
  }
  transposeInto(into, columns);
}

/** Counting sort by column; rows of a column come out ascending. */
function transposeInto({ rows, rowPointers, columnIndices, weights, transposed }: BipartiteCsr, columns: number): void {
  const pointers = transposed.rowPointers;
  pointers.fill(0);
  for (const c of columnIndices) pointers[c + 1]!++;
  for (let c = 0; c < columns; c++) pointers[c + 1]! += pointers[c]!;
  const next = pointers.slice(0, columns);
  for (let v = 0; v < rows; v++) {
    for (let e = rowPointers[v]!, end = rowPointers[v + 1]!; e < end; e++) {
      const at = next[columnIndices[e]!]!++;
      transposed.columnIndices[at] = v;
      if (weights) transposed.weights![at] = weights[e]!;
    }
  }
}
