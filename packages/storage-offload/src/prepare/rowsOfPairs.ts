/** Rows of one partition from its unsorted pairs: ascending, without duplicates, with one self-loop each. */

/** In-neighbours of a range of vertices, by new ids. */
export interface PartitionRows {
  /** uint32 `[rows + 1]`. */
  readonly rowPointers: Uint32Array;
  /** Sources, ascending within a row. int32 `[nonZeros]`. */
  readonly sources: Int32Array;
}

/**
 * Builds rows `first … first + rows − 1` from (source, destination) pairs without self-loops.
 *
 * Cost: O(pairs · log degree); allocates 8 bytes a pair.
 */
export function rowsOfPairs(pairs: Int32Array, first: number, rows: number): PartitionRows {
  const starts = new Uint32Array(rows + 1);
  for (let i = 1; i < pairs.length; i += 2) starts[pairs[i]! - first + 1]!++;
  // Room for the self-loop of each row.
  for (let v = 0; v < rows; v++) starts[v + 1]! += starts[v]! + 1;
  const unsorted = new Int32Array(pairs.length / 2 + rows);
  const next = starts.slice(0, rows);
  for (let i = 0; i < pairs.length; i += 2) unsorted[next[pairs[i + 1]! - first]!++] = pairs[i]!;
  for (let v = 0; v < rows; v++) unsorted[next[v]!++] = first + v;
  const rowPointers = new Uint32Array(rows + 1);
  let at = 0;
  for (let v = 0; v < rows; v++) {
    const row = unsorted.subarray(starts[v]!, starts[v + 1]!).sort();
    // Written back over what has been read already: duplicates only make it shorter.
    for (let i = 0; i < row.length; i++) if (i === 0 || row[i] !== row[i - 1]) unsorted[at++] = row[i]!;
    rowPointers[v + 1] = at;
  }
  return { rowPointers, sources: unsorted.subarray(0, at) };
}
