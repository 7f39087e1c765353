/** Moving rows between a partition's block and the gathered input of another one. */

/**
 * Copies rows: out[i] = block[rows[i]], rows ascending; runs of neighbouring rows move as one piece.
 *
 * @param block - float32 `[n, width]`
 * @param out - float32 `[rows.length, width]`
 */
export function gatherRows(block: Float32Array, width: number, rows: Uint32Array, out: Float32Array): void {
  for (let i = 0; i < rows.length; ) {
    const first = rows[i]!;
    let count = 1;
    while (i + count < rows.length && rows[i + count] === first + count) count++;
    let to = i * width;
    if (count * width > 64) out.set(block.subarray(first * width, (first + count) * width), to);
    else for (let from = first * width, end = from + count * width; from < end; ) out[to++] = block[from++]!;
    i += count;
  }
}

/**
 * Adds rows: block[rows[i]] += x[i]. No row repeats, so the order inside one call does not matter.
 *
 * @param block - float32 `[n, width]`
 * @param x - float32 `[rows.length, width]`
 */
export function addRows(block: Float32Array, width: number, rows: Uint32Array, x: Float32Array): void {
  for (let i = 0, from = 0; i < rows.length; i++) {
    for (let to = rows[i]! * width, end = to + width; to < end; to++) block[to] = block[to]! + x[from++]!;
  }
}

/** Adds all rows: block += x, both float32 of one length. */
export function addAll(block: Float32Array, x: Float32Array): void {
  for (let i = 0; i < x.length; i++) block[i] = block[i]! + x[i]!;
}
