/** The edges into one partition, as the trainer wants them: rows are its vertices, columns are rows of the gathered input. */

/** One direction of a {@link BipartiteCsr}. */
export interface CompressedRows {
  /** Row r holds entries `rowPointers[r] … rowPointers[r + 1] − 1`. uint32 `[rows + 1]`. */
  readonly rowPointers: Uint32Array;
  /** uint32 `[nonZeros]`, ascending within a row. */
  readonly columnIndices: Uint32Array;
  /** float32 `[nonZeros]`; null if the store was prepared without weights. */
  readonly weights: Float32Array | null;
}

/**
 * A `rows × columns` matrix: row v is vertex `offsets[p] + v`, columns are in the row order of the gathered input: the rows
 * of p itself, then those of its boundary by owner 0, 1, …. Every row holds its self-loop.
 */
export interface BipartiteCsr extends CompressedRows {
  /** Vertices of the partition, n_p. */
  readonly rows: number;
  /** Rows of its gathered input, e_p. */
  readonly columns: number;
  /** The same matrix by columns: backward sums in a fixed order. */
  readonly transposed: CompressedRows;
}

/** Sizes that fix the layout of a topology block. */
export interface BipartiteShape {
  readonly rows: number;
  readonly columns: number;
  readonly nonZeros: number;
  readonly hasWeights: boolean;
}

/** Bytes of a block without padding. */
export function bipartiteBytes({ rows, columns, nonZeros, hasWeights }: BipartiteShape): number {
  return 4 * (rows + 1 + columns + 1 + (hasWeights ? 4 : 2) * nonZeros);
}

/** The arrays of a block as views of its bytes; nothing is copied. */
export function bipartiteView(shape: BipartiteShape, bytes: Uint8Array): BipartiteCsr {
  const { rows, columns, nonZeros, hasWeights } = shape;
  let at = bytes.byteOffset;
  const ints = (length: number) => {
    const view = new Uint32Array(bytes.buffer, at, length);
    at += 4 * length;
    return view;
  };
  const floats = () => {
    if (!hasWeights) return null;
    const view = new Float32Array(bytes.buffer, at, nonZeros);
    at += 4 * nonZeros;
    return view;
  };
  const compressed = (count: number): CompressedRows => ({
    rowPointers: ints(count + 1),
    columnIndices: ints(nonZeros),
    weights: floats(),
  });
  return { rows, columns, ...compressed(rows), transposed: compressed(columns) };
}
