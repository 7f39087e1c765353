/** Layers of your own: a module that every device imports, since functions do not travel between threads or machines. */
import { OptionError } from '@strata-ml/core';
import type * as tf from '@tensorflow/tfjs-core';
import type { Convolution, ConvolutionSpec } from '../layers/convolution.js';
import type { Start } from '../layers/ParameterStore.js';
import type { ResolvedGnnSpec } from './spec.js';

/** Where a layer keeps its trained arrays. */
export interface LayerParameters {
  /** Adds a float32 array; its first values depend on the model's seed and the name only. */
  add<R extends tf.Rank>(name: string, shape: number[], start: Start): tf.Variable<R>;
  /** What to compute with: call it in every forward pass, so that gradients can leave while backward goes on. */
  use<T extends tf.Tensor>(variable: T): T;
}

/**
 * Makes one layer: called once per layer with its name and widths, before training.
 *
 * The function it returns maps the rows that enter to the rows that leave, with tfjs operations and the methods of the
 * `GraphContext`; in the first layer `h` is undefined and `context.projectInput` stands for a product with the features.
 * Norm and ReLU follow it, except in the last layer.
 */
export type LayerFactory = (
  parameters: LayerParameters,
  spec: ConvolutionSpec & { readonly isLast: boolean },
) => Convolution;

/**
 * Imports the layer that a specification names; undefined for built-in models.
 *
 * @throws {@link OptionError} if the module does not export a function named `layer`.
 */
export async function importLayer({ layer }: Pick<ResolvedGnnSpec, 'layer'>): Promise<LayerFactory | undefined> {
  if (layer === undefined) return undefined;
  const module = (await import(layer)) as { readonly layer?: unknown };
  if (typeof module.layer !== 'function') {
    throw new OptionError('importLayer', `export layer of ${layer}`, typeof module.layer, 'a function');
  }
  return module.layer as LayerFactory;
}
