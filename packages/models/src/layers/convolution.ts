/**
 * The graph convolutions, each as `(context, h, layer) => z` with dropout inside; `h` is undefined on raw features.
 *
 * Kipf, Welling: "Semi-Supervised Classification with Graph Convolutional Networks", ICLR 2017, arXiv:1609.02907.
 * Hamilton, Ying, Leskovec: "Inductive Representation Learning on Large Graphs", NeurIPS 2017, arXiv:1706.02216.
 * Veličković et al.: "Graph Attention Networks", ICLR 2018, arXiv:1710.10903.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import type { Initialiser } from '../gnn/spec.js';
import { addBias, averageHeads, multiply, sum } from './denseOps.js';
import { edgeAttention } from './edgeAttention.js';
import { applyLinear, applyToInput, linear } from './linear.js';
import { constant, glorot, type ParameterStore } from './ParameterStore.js';

/** Computes float32 `[destinations, out]` from `[numOwned, in]`, or from the input features if `h` is undefined. */
export type Convolution = (context: GraphContext, h: tf.Tensor2D | undefined, layer: number) => tf.Tensor2D;

/** Shape and options of one convolution. */
export interface ConvolutionSpec {
  /** Prefix of the parameter names. */
  readonly name: string;
  readonly fanIn: number;
  readonly fanOut: number;
  /** Dropout rate of the layer's input. */
  readonly dropout: number;
  readonly init: Initialiser;
}

/**
 * z_v = W·Σ_u h_u / √(outDegree(u)·inDegree(v)) + b.
 *
 * Hidden rows are summed first (the exchange then carries `fanIn` columns); raw features are projected first.
 */
export function gcnConvolution(store: ParameterStore, spec: ConvolutionSpec): Convolution {
  const layer = linear(store, spec.name, spec.fanIn, spec.fanOut, spec.init);
  return (context, h, index) => {
    if (h === undefined) {
      const projected = context.projectInput(layer.weight, 'sources', spec.dropout, index);
      return addBias(context.aggregateSources(projected, 'gcn'), layer.bias);
    }
    return applyLinear(layer, context.aggregate(context.dropout(h, spec.dropout, 'dropout', index), 'gcn', index));
  };
}

/** z_v = W_self·h_v + b_self + W_neigh·mean_u h_u + b_neigh, the mean over all in-neighbours with the self-loop. */
export function sageConvolution(store: ParameterStore, spec: ConvolutionSpec): Convolution {
  const own = linear(store, `${spec.name}.self`, spec.fanIn, spec.fanOut, spec.init);
  const neighbours = linear(store, `${spec.name}.neigh`, spec.fanIn, spec.fanOut, spec.init);
  return (context, h, index) => {
    if (h === undefined) {
      const projected = context.projectInput(neighbours.weight, 'sources', spec.dropout, index);
      return sum(
        applyToInput(own, context, 'destinations', spec.dropout, index),
        addBias(context.aggregateSources(projected, 'mean'), neighbours.bias),
      );
    }
    const dropped = context.dropout(h, spec.dropout, 'dropout', index);
    const mean = context.aggregate(dropped, 'mean', index);
    return sum(applyLinear(own, context.destinations(dropped, index)), applyLinear(neighbours, mean));
  };
}

/**
 * z_v = combine_k Σ_u α^k_uv W^k h_u + b with α = softmax over in-neighbours of LeakyReLU(a_src·W h_u + a_dst·W h_v).
 *
 * `combine` concatenates the heads (each `fanOut / heads` wide) or, in a network's last layer, averages them (each
 * `fanOut` wide). No dropout on α.
 */
export function gatConvolution(
  store: ParameterStore,
  spec: ConvolutionSpec & { readonly heads: number; readonly combine: 'concat' | 'average' },
): Convolution {
  const { name, fanIn, fanOut, heads, combine } = spec;
  const width = combine === 'concat' ? fanOut / heads : fanOut;
  const weight = store.add<tf.Rank.R2>(`${name}.weight`, [fanIn, heads * width], glorot(fanIn, heads * width));
  const source = store.add<tf.Rank.R2>(`${name}.attentionSource`, [heads, width], glorot(width, 1));
  const target = store.add<tf.Rank.R2>(`${name}.attentionTarget`, [heads, width], glorot(width, 1));
  const bias = store.add<tf.Rank.R1>(`${name}.bias`, [fanOut], constant(0));
  return (context, h, index) => {
    const projected =
      h === undefined
        ? context.projectInput(store.use<tf.Tensor2D>(weight), 'sources', spec.dropout, index)
        : multiply(
            context.exchange(context.dropout(h, spec.dropout, 'dropout', index), index),
            store.use<tf.Tensor2D>(weight),
          );
    const attended = edgeAttention(projected, store.use(source), store.use(target), context.blockOf(index));
    return addBias(combine === 'concat' ? attended : averageHeads(attended, heads), store.use(bias));
  };
}
