/** GraphSAGE without norm and dropout, in float64, straight from the definition; shares no code with the trainer. */
import type { GraphData } from '../../src/index.js';

/** Trained arrays by name. */
export type SageArrays = Readonly<
  Record<string, { readonly shape: readonly number[]; readonly data: Float32Array | Float64Array }>
>;

/** Mean cross-entropy over training vertices; layer l of vertex v averages `neighbours[l](v)`. */
export function sageLoss(
  data: GraphData,
  arrays: SageArrays,
  layers: number,
  neighbours: readonly ((v: number) => ArrayLike<number>)[],
): number {
  if (data.features.kind !== 'dense') throw new Error('dense features expected');
  const { values } = data.features;
  const width = data.numFeatures;
  const cache = new Map<string, number[]>();
  const row = (v: number, layer: number): number[] => {
    if (layer === 0) return Array.from(values.subarray(v * width, (v + 1) * width));
    const key = `${v} ${layer}`;
    const known = cache.get(key);
    if (known) return known;
    const own = row(v, layer - 1);
    const list = Array.from(neighbours[layer - 1]!(v));
    const mean = own.map((_, c) => list.reduce((sum, u) => sum + row(u, layer - 1)[c]!, 0) / list.length);
    const out = linear(arrays, `conv${layer}.self`, own).map(
      (z, c) => z + linear(arrays, `conv${layer}.neigh`, mean)[c]!,
    );
    const result = layer < layers ? out.map((z) => Math.max(0, z)) : out;
    cache.set(key, result);
    return result;
  };
  let loss = 0;
  for (const v of data.split.train) {
    const logits = row(v, layers);
    const largest = Math.max(...logits);
    const total = logits.reduce((sum, z) => sum + Math.exp(z - largest), 0);
    loss += largest + Math.log(total) - logits[data.labels[v]!]!;
  }
  return loss / data.split.train.length;
}

function linear(arrays: SageArrays, name: string, x: readonly number[]): number[] {
  const weight = arrays[`${name}.weight`]!;
  const bias = arrays[`${name}.bias`]!.data;
  const columns = weight.shape[1]!;
  return Array.from(bias, (b, c) => x.reduce((sum, value, i) => sum + value * weight.data[i * columns + c]!, b));
}
