/** Weights of GPT-2 as it is published, to and from the order of columns that is used here. */
import { DataError } from '@strata-ml/core';
import { type GptConfig, gptConfig } from './GptConfig.js';
import { gptParameters } from './parameters.js';

/** A tensor of a checkpoint: what `loadSafetensors` gives, float32. */
export interface PublishedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Reads a GPT-2 checkpoint: its configuration from the shapes, its values with the columns of `c_attn` in our order.
 *
 * Takes the names of the published files (`wte.weight`, `h.0.attn.c_attn.weight` `[in, out]`, …), with or without
 * `transformer.` in front; masks stored beside the weights are left out. A head of its own makes an untied model.
 *
 * @param tensors - by name, as `loadSafetensors` gives them
 * @param heads - attention heads; the file does not tell
 * @returns values by the names of `gptParameters`, copies
 * @throws {@link DataError} if a tensor is missing or has another shape than the others say.
 */
export function importGpt2(
  tensors: ReadonlyMap<string, PublishedTensor>,
  heads: number,
): { readonly config: GptConfig; readonly values: Map<string, Float32Array> } {
  const find = (name: string) => tensors.get(name) ?? tensors.get(`transformer.${name}`);
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
    tied: head === undefined || head.data.every((value, i) => value === words.data[i]),
  });
  const values = new Map<string, Float32Array>();
  for (const { name, shape } of gptParameters(config)) {
    const tensor = find(name);
    if (tensor?.shape.join() !== shape.join()) {
      const got = tensor ? `[${tensor.shape}]` : 'nothing';
      throw new DataError(`importGpt2: ${name} must have shape [${shape}], got ${got}`);
    }
    const isQkv = name.includes('.c_attn.');
    values.set(name, isQkv ? qkvByHead(tensor.data, config) : tensor.data.slice());
  }
  return { config, values };
}

/** The inverse of {@link importGpt2}: tensors as GPT-2 publishes them, copies, without a prefix. */
export function exportGpt2(values: ReadonlyMap<string, Float32Array>, config: GptConfig): Map<string, PublishedTensor> {
  const tensors = new Map<string, PublishedTensor>();
  for (const { name, shape } of gptParameters(config)) {
    const data = values.get(name);
    if (!data) throw new DataError(`exportGpt2: ${name} must be there, it is not`);
    tensors.set(name, { shape, data: name.includes('.c_attn.') ? qkvByPart(data, config) : data.slice() });
  }
  return tensors;
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
