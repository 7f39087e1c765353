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
import type { GnnModel, GnnStage } from './GnnModel.js';
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
  const stages = resolved.model === 'resSage' ? residualNetwork(store, resolved) : plainNetwork(store, resolved, layer);
  return {
    spec: resolved,
    parameters: store.parameters,
    stages,
    forward: (context) => {
      store.beginPass();
      return tf.tidy(() => {
        let h: tf.Tensor2D | undefined;
        for (const stage of stages) h = runStage(stage, context, h);
        return h!; // there is at least one stage
      });
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

/** One stage on all rows of a context. */
function runStage(stage: GnnStage, context: GraphContext, h: tf.Tensor2D | undefined): tf.Tensor2D {
  // Rows of an encoder are those of the first convolution.
  const entering = h && (stage.layer > 1 ? context.enter(h, stage.layer) : h);
  const prepared = entering && stage.prepare ? stage.prepare(entering, context) : entering;
  const z = stage.convolve(context, prepared);
  const finished = stage.finish ? stage.finish(z, context) : z;
  return stage.isResidual ? sum(context.destinations(entering!, stage.layer), finished) : finished;
}

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

function plainNetwork(store: ParameterStore, spec: ResolvedGnnSpec, own: LayerFactory | undefined): GnnStage[] {
  const { layers, hidden, inputWidth, numClasses, dropout, init, finalLinearLayers } = spec;
  const total = layers + finalLinearLayers;
  return Array.from({ length: total }, (_, i) => {
    const isLast = i === total - 1;
    const layer = i + 1;
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
    const shared = {
      layer,
      inputWidth: fanIn,
      outputWidth: fanOut,
      readsNeighbours: i < layers,
      isResidual: false,
      norm: isLast ? 'none' : spec.norm,
      convolve: (context: GraphContext, h: tf.Tensor2D | undefined) => apply(context, h, layer),
    } satisfies GnnStage;
    if (isLast) return shared;
    const normalise = normalisation(store, spec.norm, `norm${i + 1}`, fanOut);
    return { ...shared, finish: (z: tf.Tensor2D, context: GraphContext) => relu(normalise(z, context)) };
  });
}

function residualNetwork(store: ParameterStore, spec: ResolvedGnnSpec): GnnStage[] {
  const { layers, hidden, inputWidth, numClasses, dropout, init, norm } = spec;
  const input = linear(store, 'input', inputWidth, hidden, init);
  const blocks = Array.from({ length: layers }, (_, i) => {
    const normalise = normalisation(store, norm, `norm${i + 1}`, hidden);
    const convolve = sageConvolution(store, { name: `conv${i + 1}`, fanIn: hidden, fanOut: hidden, dropout, init });
    return {
      layer: i + 1,
      inputWidth: hidden,
      outputWidth: hidden,
      readsNeighbours: true,
      isResidual: true,
      norm,
      prepare: (h: tf.Tensor2D, context: GraphContext) => relu(normalise(h, context)),
      convolve: (context: GraphContext, h: tf.Tensor2D | undefined) => convolve(context, h, i + 1),
    } satisfies GnnStage;
  });
  const output = linear(store, 'output', hidden, numClasses, init);
  const dense = { readsNeighbours: false, isResidual: false };
  return [
    {
      ...dense,
      layer: 0,
      inputWidth,
      outputWidth: hidden,
      norm: 'none',
      convolve: (context) => applyToInput(input, context, 'owned', 0, 0),
    },
    ...blocks,
    {
      ...dense,
      layer: layers + 1,
      inputWidth: hidden,
      outputWidth: numClasses,
      norm,
      // The first block's norm, as in the code this follows.
      prepare: blocks[0]!.prepare,
      convolve: (context, h) => applyLinear(output, context.dropout(h!, dropout, 'dropout', layers + 1)),
    },
  ];
}
