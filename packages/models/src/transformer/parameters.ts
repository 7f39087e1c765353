/** The parameters of a transformer as data: names, shapes, how they start and how they may be cut. */
import { OptionError, Rng } from '@strata-ml/core';
import { philox4x32 } from '@strata-ml/kernels';
import type { GptConfig } from './GptConfig.js';

/** One parameter, by the names and shapes of GPT-2's published checkpoints. */
export interface TransformerParameter {
  readonly name: string;
  /** Of the whole parameter; matrices are `[in, out]`. */
  readonly shape: readonly number[];
  /** How it starts: everywhere the same value, or normal with mean 0. */
  readonly init: { readonly constant: number } | { readonly deviation: number };
  /** Dimension that tensor parallelism cuts into equal parts; null if every device holds it whole. */
  readonly splitAxis: 0 | 1 | null;
  /** Whether weight decay applies: to matrices, not to biases and layer normalisation. */
  readonly decay: boolean;
  /** Where it belongs, for cutting into pipeline stages. */
  readonly layer: 'embedding' | number | 'head';
}

/** Standard deviation of the initial weights, GPT-2's. */
const DEVIATION = 0.02;

/**
 * All parameters in the order in which they are used: 12·h² + 13·h numbers a block.
 *
 * The columns of `c_attn` are ordered by head, then query, key, value, then dimension, so that a slice of them is a set
 * of heads; published checkpoints have all queries first (see `qkvByHead`). Starts are GPT-2's: N(0, 0.02²), the last
 * matrix of each branch smaller by √(2·layers), biases 0.
 * Radford et al.: "Language models are unsupervised multitask learners", 2019.
 */
export function gptParameters(config: GptConfig): TransformerParameter[] {
  const { layers, width, context, paddedVocabulary, tied } = config;
  const matrix = { deviation: DEVIATION };
  const last = { deviation: DEVIATION / Math.sqrt(2 * layers) };
  return [
    parameter('wte.weight', [paddedVocabulary, width], matrix, 0, 'embedding'),
    parameter('wpe.weight', [context, width], matrix, null, 'embedding'),
    ...Array.from({ length: layers }, (_, layer) => blockParameters(`h.${layer}`, width, layer, last)).flat(),
    ...norm('ln_f', width, 'head'),
    ...(tied ? [] : [parameter('lm_head.weight', [paddedVocabulary, width], matrix, 0, 'head')]),
  ];
}

/** The parameters of one block. */
function blockParameters(
  prefix: string,
  width: number,
  layer: number,
  last: TransformerParameter['init'],
): TransformerParameter[] {
  const matrix = { deviation: DEVIATION };
  const zero = { constant: 0 };
  return [
    ...norm(`${prefix}.ln_1`, width, layer),
    parameter(`${prefix}.attn.c_attn.weight`, [width, 3 * width], matrix, 1, layer),
    parameter(`${prefix}.attn.c_attn.bias`, [3 * width], zero, 0, layer),
    parameter(`${prefix}.attn.c_proj.weight`, [width, width], last, 0, layer),
    parameter(`${prefix}.attn.c_proj.bias`, [width], zero, null, layer),
    ...norm(`${prefix}.ln_2`, width, layer),
    parameter(`${prefix}.mlp.c_fc.weight`, [width, 4 * width], matrix, 1, layer),
    parameter(`${prefix}.mlp.c_fc.bias`, [4 * width], zero, 0, layer),
    parameter(`${prefix}.mlp.c_proj.weight`, [4 * width, width], last, 0, layer),
    parameter(`${prefix}.mlp.c_proj.bias`, [width], zero, null, layer),
  ];
}

const norm = (name: string, width: number, layer: TransformerParameter['layer']): TransformerParameter[] => [
  parameter(`${name}.weight`, [width], { constant: 1 }, null, layer),
  parameter(`${name}.bias`, [width], { constant: 0 }, null, layer),
];

/** One parameter; matrices decay. */
function parameter(
  name: string,
  shape: readonly number[],
  init: TransformerParameter['init'],
  splitAxis: TransformerParameter['splitAxis'],
  layer: TransformerParameter['layer'],
): TransformerParameter {
  return { name, shape, init, splitAxis, decay: shape.length > 1, layer };
}

/** Part `rank` of `size` equal parts along the split axis. */
export interface ParameterPart {
  readonly size: number;
  readonly rank: number;
}

/** The shape of a part: all of it where there is no split axis. @throws {@link OptionError} if the size does not divide. */
export function partShape({ name, shape, splitAxis }: TransformerParameter, { size }: ParameterPart): number[] {
  if (splitAxis === null) return [...shape];
  if (shape[splitAxis]! % size !== 0) {
    throw new OptionError('partShape', `size ${splitAxis} of ${name}`, shape[splitAxis], `a multiple of ${size} parts`);
  }
  return shape.map((length, axis) => (axis === splitAxis ? length / size : length));
}

/** A part of a whole parameter's values, copied. */
export function slicePart(
  parameter: TransformerParameter,
  values: Float32Array,
  part: ParameterPart = { size: 1, rank: 0 },
): Float32Array {
  const local = partShape(parameter, part);
  const { shape, splitAxis } = parameter;
  if (splitAxis === null || part.size === 1) return values.slice();
  const [first] = local;
  const rowLength = values.length / shape[0]!;
  if (splitAxis === 0) return values.slice(part.rank * first! * rowLength, (part.rank + 1) * first! * rowLength);
  const columns = local[1]!;
  const out = new Float32Array(first! * columns);
  for (let row = 0; row < first!; row++) {
    const from = row * rowLength + part.rank * columns;
    out.set(values.subarray(from, from + columns), row * columns);
  }
  return out;
}

/**
 * The initial values of a part: the whole parameter is drawn from the seed and its name, then cut. They are therefore the
 * same however the model is divided.
 *
 * @param part - @defaultValue all of it
 * @throws {@link OptionError} if the split axis is no multiple of the parts.
 */
export function initialiseParameter(
  parameter: TransformerParameter,
  seed: number,
  part: ParameterPart = { size: 1, rank: 0 },
): Float32Array {
  const whole = new Float32Array(parameter.shape.reduce((a, b) => a * b, 1));
  if ('constant' in parameter.init) whole.fill(parameter.init.constant);
  else fillNormal(whole, parameter.init.deviation, new Rng(seed).split('init', parameter.name).key);
  return slicePart(parameter, whole, part);
}

/** N(0, deviation²) by Box-Muller: a block of the generator gives four values. */
function fillNormal(out: Float32Array, deviation: number, [k0, k1]: readonly [number, number]): void {
  const words = new Uint32Array(4);
  for (let i = 0; i < out.length; i += 4) {
    philox4x32(words, k0, k1, i / 4, 0);
    for (let pair = 0; pair < 4; pair += 2) {
      const radius = deviation * Math.sqrt(-2 * Math.log((words[pair]! + 1) / 2 ** 32));
      const angle = 2 * Math.PI * (words[pair + 1]! / 2 ** 32);
      // Writes behind the end of a typed array are ignored.
      out[i + pair] = radius * Math.cos(angle);
      out[i + pair + 1] = radius * Math.sin(angle);
    }
  }
}
