/** A rank's share of the whole graph with halo rows from their owners: what `full-graph` trains on, and all modes test on. */
import { Rng } from '@strata-ml/core';
import { DistGraphContext } from '../DistGraphContext.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import { selectFeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { buildOneHopBlock, type OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import { HaloStage } from '../stages/HaloStage.js';
import { localData } from '../train/localData.js';
import type { GraphView } from '../train/payload.js';
import type { ModeEnvironment, StepView } from './TrainingMode.js';

/** Builds the view; collective. One stage serves every layer. */
export function fullGraphView(
  { ctx, payload, times }: ModeEnvironment,
  view: GraphView,
): { readonly view: StepView; readonly block: OneHopBlock; readonly stage: HaloStage } {
  const { world, trace } = ctx;
  const { data, options, partOf, spec } = payload;
  const block = buildOneHopBlock(view.graph, partOf, world.rank, world.size, view.include);
  const exchange = new HaloExchange(world, block, exchangeSendPlan(world, block), times);
  const stage = new HaloStage({ block, exchange, ...globalDegrees(view, block) });
  const owned = selectFeatureRows(data.features, data.numFeatures, block.globalIds.subarray(0, block.numOwned));
  const context = new DistGraphContext({
    world,
    stages: new Array<HaloStage>(spec.layers).fill(stage),
    input: new InputFeatures(owned, data.numFeatures, block, exchange, trace),
    numOutputs: block.numOwned,
    globalRows: view.numIncluded,
    rng: new Rng(options.seed),
    trace,
    times,
    haloFeatures: options.haloFeatures,
    readsHaloFeatures: readsHaloFeatures(spec),
    overlap: options.overlap,
  });
  return { view: { context, local: localData(data, block), divisor: data.split.train.length }, block, stage };
}

/** False for models that encode each row before the first convolution. */
export function readsHaloFeatures(spec: { readonly model: string }): boolean {
  return spec.model !== 'resSage';
}

/** Degrees in the whole graph, so that a partition changes nothing. */
export function globalDegrees({ inDegrees, outDegrees }: GraphView, block: OneHopBlock) {
  const { globalIds, numDestinations } = block;
  return {
    inDegree: Int32Array.from(globalIds.subarray(0, numDestinations), (id) => inDegrees[id]!),
    outDegree: Int32Array.from(globalIds, (id) => outDegrees[id]!),
  };
}
