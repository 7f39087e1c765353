/** Weights of GPT-2 as it is published, to and from the order of columns that is used here. */
import { DataError } from '@strata-ml/core';
import type { SafetensorsFile } from '../checkpoint/safetensors.js';
import { type GptConfig, gptConfig } from './GptConfig.js';
import { gptParameters } from './parameters.js';

/** Parameters by name, as `saveSafetensors` takes and `loadSafetensors` gives them; float32. */
export type NamedTensors = Readonly<Record<string, { readonly shape: readonly number[]; readonly data: Float32Array }>>;

/**
 * Reads a GPT-2 checkpoint: its configuration from the shapes, its values with the columns of `c_attn` in our order.
 *
 * Takes the names of the published files (`wte.weight`, `h.0.attn.c_attn.weight` `[in, out]`, …), with or without
 * `transformer.` in front; masks stored beside the weights are left out. A head of its own makes an untied model.
 *
 * @param tensors - what `loadSafetensors` gives
 * @param heads - attention heads; the file does not tell
 * @returns weights by the names of `gptParameters`, copies
 * @throws {@link DataError} if a tensor is missing, is no float32, or has another shape than the others say.
 */
export function importGpt2(
  tensors: SafetensorsFile['tensors'],
  heads: number,
): { readonly config: GptConfig; readonly weights: NamedTensors } {
  const find = (name: string) => tensors[name] ?? tensors[`transformer.${name}`];
  const [words, places] = ['wte.weight', 'wpe.weight'].map(find);
  if (!words || !places) throw new DataError('importGpt2: wte.weight and wpe.weight must be there, they are not');
  let layers = 0;
  while (find(`h.${layers}.ln_1.weight`)) layers++;
  const head = find('lm_head.weight');
  const config = gptConfig({
    layers,
    heads,
    width: words.shape[1]!,
    context: places.shape[0]!,
    vocabulary: words.shape[0]!,
    // Files that repeat the table as the head are tied all the same.
    tied: head === undefined || (head.data as Float32Array).every((value, i) => value === words.data[i]),
  });
  return { config, weights: collect('importGpt2', find, config, qkvByHead) };
}

/**
 * The inverse of {@link importGpt2}: tensors as GPT-2 publishes them, copies, without a prefix.
 *
 * @throws {@link DataError} if a tensor is missing or has another shape than the configuration says.
 */
export function exportGpt2(weights: NamedTensors, config: GptConfig): NamedTensors {
  return collect('exportGpt2', (name) => weights[name], config, qkvByPart);
}

/** Copies of all parameters, those of queries, keys and values reordered. */
function collect(
  where: string,
  find: (name: string) => { readonly shape: readonly number[]; readonly data: ArrayLike<unknown> } | undefined,
  config: GptConfig,
  reorder: (data: Float32Array, config: GptConfig) => Float32Array,
): NamedTensors {
  return Object.fromEntries(
    gptParameters(config).map(({ name, shape }) => {
      const tensor = find(name);
      if (tensor?.shape.join() !== shape.join() || !(tensor.data instanceof Float32Array)) {
        const got = tensor ? `${tensor.data.constructor.name} [${tensor.shape}]` : 'nothing';
        throw new DataError(`${where}: ${name} must be float32 [${shape}], got ${got}`);
      }
      const { data } = tensor;
      return [name, { shape, data: name.includes('.c_attn.') ? reorder(data, config) : data.slice() }];
    }),
  );
}

/** Columns ordered (head, {q, k, v}, dimension) from columns ordered ({q, k, v}, head, dimension); rows of 3·width. */
function qkvByHead(byPart: Float32Array, config: Pick<GptConfig, 'width' | 'heads'>): Float32Array {
  return byPart.map((_, i) => byPart[partColumn(i, config)]!);
}

/** The inverse of {@link qkvByHead}. */
function qkvByPart(byHead: Float32Array, config: Pick<GptConfig, 'width' | 'heads'>): Float32Array {
  const out = new Float32Array(byHead.length);
  for (const [i, value] of byHead.entries()) out[partColumn(i, config)] = value;
  return out;
}

/** Where element i of a matrix with columns by head lies in one with columns by part. */
function partColumn(i: number, { width, heads }: Pick<GptConfig, 'width' | 'heads'>): number {
  const size = width / heads;
  const column = i % (3 * width);
  const [head, part] = [Math.floor(column / (3 * size)), Math.floor(column / size) % 3];
  return i - column + (part * heads + head) * size + (column % size);
}
