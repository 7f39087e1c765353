/** Builds a graph network from its specification. */
import { OptionError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import type { GraphContext } from '../GraphContext.js';
import {
  type Convolution,
  type ConvolutionSpec,
  gatConvolution,
  gcnConvolution,
  sageConvolution,
} from '../layers/convolution.js';
import { relu, sum } from '../layers/denseOps.js';
import { applyLinear, applyToInput, linear } from '../layers/linear.js';
import { normalisation } from '../layers/normalisation.js';
import { ParameterStore } from '../layers/ParameterStore.js';
import type { LayerFactory } from './customLayer.js';
import type { GnnModel } from './GnnModel.js';
import { type GnnSpec, type ResolvedGnnSpec, resolveGnnSpec } from './spec.js';

/**
 * Creates a graph network with fresh parameters on the current tfjs backend.
 *
 * `gcn`, `sage`, `gat`: L × (dropout → convolution), then `finalLinearLayers` × (dropout → linear), with normalisation
 * and ReLU after every layer but the very last. `resSage` (ResSAGE+, pre-activation residual blocks): encoder
 * Linear(F₀→H); L × h ← h + conv(dropout(ReLU(norm_l(h)))); then the *first* block's norm, ReLU, dropout and
 * Linear(H→C). Definitions follow the public code of GraNNDis (PACT 2024, arXiv:2311.06837).
 *
 * Initial values depend on `seed` and the parameter's name only, so every device that calls this holds the same model.
 *
 * @param layer - makes the layers of model `custom`, which are then put together as those of `gcn`; see {@link importLayer}
 * @throws {@link OptionError} that names the first option out of range.
 */
export function createGnn(spec: GnnSpec, layer?: LayerFactory): GnnModel {
  const resolved = resolveGnnSpec(spec);
  const store = new ParameterStore(resolved.seed);
  const forward =
    resolved.model === 'resSage' ? residualNetwork(store, resolved) : plainNetwork(store, resolved, layer);
  return {
    spec: resolved,
    parameters: store.parameters,
    forward: (context) => {
      store.beginPass();
      return tf.tidy(() => forward(context));
    },
    watchGradients: (watcher) => {
      store.watcher = watcher;
    },
    state: () => store.buffers,
    dispose: () => {
      for (const { variable } of store.parameters) variable.dispose();
    },
  };
}

type Forward = (context: GraphContext) => tf.Tensor2D;

function convolution(
  store: ParameterStore,
  spec: ResolvedGnnSpec,
  layer: ConvolutionSpec,
  isLast: boolean,
  own: LayerFactory | undefined,
): Convolution {
  if (spec.model === 'custom') {
    if (!own) throw new OptionError('createGnn', 'layer', undefined, 'given for custom', 'import it with importLayer');
    return own(store, { ...layer, isLast });
  }
  if (spec.model === 'gcn') return gcnConvolution(store, layer);
  if (spec.model !== 'gat') return sageConvolution(store, layer);
  return gatConvolution(store, { ...layer, heads: spec.heads, combine: isLast ? 'average' : 'concat' });
}

function plainNetwork(store: ParameterStore, spec: ResolvedGnnSpec, own: LayerFactory | undefined): Forward {
  const { layers, hidden, inputWidth, numClasses, dropout, init, finalLinearLayers } = spec;
  const total = layers + finalLinearLayers;
  const steps = Array.from({ length: total }, (_, i) => {
    const isLast = i === total - 1;
    const fanIn = i === 0 ? inputWidth : hidden;
    const fanOut = isLast ? numClasses : hidden;
    let apply: Convolution;
    if (i < layers) {
      apply = convolution(store, spec, { name: `conv${i + 1}`, fanIn, fanOut, dropout, init }, isLast, own);
    } else {
      const dense = linear(store, `linear${i + 1 - layers}`, fanIn, fanOut, init);
      // A linear layer never comes first, so h is there.
      apply = (context, h, index) => applyLinear(dense, context.dropout(h!, dropout, 'dropout', index));
    }
    const normalise = isLast ? undefined : normalisation(store, spec.norm, `norm${i + 1}`, fanOut);
    return (context: GraphContext, h: tf.Tensor2D | undefined): tf.Tensor2D => {
      const z = apply(context, h && context.enter(h, i + 1), i + 1);
      return normalise ? relu(normalise(z, context)) : z;
    };
  });
  return (context) => {
    let h: tf.Tensor2D | undefined;
    for (const step of steps) h = step(context, h);
    return h!; // there is at least one layer
  };
}

function residualNetwork(store: ParameterStore, spec: ResolvedGnnSpec): Forward {
  const { layers, hidden, inputWidth, numClasses, dropout, init } = spec;
  const input = linear(store, 'input', inputWidth, hidden, init);
  const blocks = Array.from({ length: layers }, (_, i) => ({
    normalise: normalisation(store, spec.norm, `norm${i + 1}`, hidden),
    convolve: sageConvolution(store, { name: `conv${i + 1}`, fanIn: hidden, fanOut: hidden, dropout, init }),
  }));
  const output = linear(store, 'output', hidden, numClasses, init);
  return (context) => {
    let h = applyToInput(input, context, 'owned', 0, 0);
    blocks.forEach(({ normalise, convolve }, i) => {
      const entering = i === 0 ? h : context.enter(h, i + 1);
      const z = convolve(context, relu(normalise(entering, context)), i + 1);
      h = sum(context.destinations(entering, i + 1), z);
    });
    h = context.enter(h, layers + 1);
    const last = relu(blocks[0]!.normalise(h, context));
    return applyLinear(output, context.dropout(last, dropout, 'dropout', layers + 1));
  };
}
