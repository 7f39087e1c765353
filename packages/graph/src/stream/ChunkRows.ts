/** Neighbour lists of the edges of one chunk, both directions, without self-loops: buffers are reused for every chunk. */
import { DataError } from '@strata-ml/core';

export class ChunkRows {
  /** Row v is `neighbours[rowPtr[v] … rowPtr[v + 1] − 1]`. int32 `[n + 1]`. */
  readonly rowPtr: Int32Array;
  /** int32 `[2 · most edges of a chunk]`. */
  readonly neighbours: Int32Array;

  constructor(n: number, mostEdges: number) {
    this.rowPtr = new Int32Array(n + 1);
    this.neighbours = new Int32Array(2 * mostEdges);
  }

  /** Fills the rows. @throws {@link DataError} for an id that is no vertex. */
  build(pairs: Int32Array, count: number): void {
    const { rowPtr, neighbours } = this;
    const n = rowPtr.length - 1;
    rowPtr.fill(0);
    for (let i = 0; i < count; i++) {
      const u = pairs[2 * i]!;
      const v = pairs[2 * i + 1]!;
      if (u >>> 0 >= n || v >>> 0 >= n) {
        const bad = u >>> 0 >= n ? u : v;
        throw new DataError(`grem: vertex ids must be in 0 … ${n - 1}, got ${bad}; raise numVertices`, { got: bad });
      }
      if (u === v) continue;
      rowPtr[u]!++;
      rowPtr[v]!++;
    }
    // Counts become ends; filling backwards turns ends into begins.
    for (let v = 0, sum = 0; v <= n; v++) {
      sum += rowPtr[v]!;
      rowPtr[v] = sum;
    }
    for (let i = 0; i < count; i++) {
      const u = pairs[2 * i]!;
      const v = pairs[2 * i + 1]!;
      if (u === v) continue;
      neighbours[--rowPtr[u]!] = v;
      neighbours[--rowPtr[v]!] = u;
    }
  }
}
