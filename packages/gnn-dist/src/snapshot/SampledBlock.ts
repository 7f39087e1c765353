/** One layer of a sampled batch. */

/** Drawn edges of one layer; the sources of a block are the destinations of the block before it. */
export interface SampledBlock {
  /** Rows that leave; the leading sources. */
  readonly numDestinations: number;
  /** Global id of each row that enters, destinations first. int32 `[sources]`. */
  readonly sources: Int32Array;
  /** In-edges of destination i: `indptr[i] … indptr[i + 1] − 1`. int32 `[numDestinations + 1]`. */
  readonly indptr: Int32Array;
  /** Global ids of the drawn in-neighbours, ascending in each row. int32 `[edges]`. */
  readonly neighbours: Int32Array;
}

/** `destinations`, then every other drawn vertex once, in order of first appearance. `scratch` uint8 `[n]`, zeros, as it is left. */
export function sourcesOf(destinations: Int32Array, neighbours: Int32Array, scratch: Uint8Array): Int32Array {
  for (const v of destinations) scratch[v] = 1;
  const more: number[] = [];
  for (const u of neighbours) {
    if (scratch[u] === 1) continue;
    scratch[u] = 1;
    more.push(u);
  }
  const sources = new Int32Array(destinations.length + more.length);
  sources.set(destinations);
  sources.set(more, destinations.length);
  for (const v of sources) scratch[v] = 0;
  return sources;
}
