/** A rank's share of the whole graph with halo rows from their owners: what `full-graph` trains on, and all modes test on. */
import { Rng } from '@strata-ml/core';
import { exchangeWidths } from '@strata-ml/models';
import { DistGraphContext } from '../DistGraphContext.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import type { RowExchange } from '../exchange/RowExchange.js';
import { selectFeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { buildOneHopBlock, type OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan, type SendPlan } from '../plan/sendPlan.js';
import type { HaloTrafficModel } from '../plan/traffic.js';
import { HaloStage, type OperatorCache } from '../stages/HaloStage.js';
import { localData } from '../train/localData.js';
import type { GraphView } from '../train/payload.js';
import type { ModeEnvironment, StepView } from './TrainingMode.js';

/** Where a mode differs from vanilla training on the same rows. */
export interface ViewParts {
  /** What this rank reads. @defaultValue the rows its edges read */
  readonly block?: OneHopBlock;
  /** Moves the rows of each convolution. @defaultValue one exact exchange for all */
  readonly exchanges?: (block: OneHopBlock, plan: SendPlan) => readonly RowExchange[];
}

/** Builds the view; collective. Stages share their matrices. */
export function fullGraphView(
  { ctx, payload, times }: ModeEnvironment,
  view: GraphView,
  parts: ViewParts = {},
): { readonly view: StepView; readonly block: OneHopBlock } {
  const { world, trace } = ctx;
  const { data, options, partOf, spec } = payload;
  const block = parts.block ?? buildOneHopBlock(view.graph, partOf, world.rank, world.size, view.include);
  const plan = exchangeSendPlan(world, block);
  const exchange = new HaloExchange(world, block, plan, times);
  const degrees = globalDegrees(view, block);
  const operators: OperatorCache = new Map();
  const exchanges = parts.exchanges?.(block, plan) ?? [exchange];
  const own = exchanges.map((e) => new HaloStage({ block, exchange: e, operators, ...degrees }));
  const owned = selectFeatureRows(data.features, data.numFeatures, block.globalIds.subarray(0, block.numOwned));
  const context = new DistGraphContext({
    world,
    stages: Array.from({ length: spec.layers }, (_, i) => own[Math.min(i, own.length - 1)]!),
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
  return { view: { context, local: localData(data, block), divisor: data.split.train.length }, block };
}

/** What halo traffic depends on besides the rows. */
export function haloTraffic({ payload: { spec, options } }: ModeEnvironment): HaloTrafficModel {
  return {
    inputWidths: exchangeWidths(spec),
    hasEncoder: !readsHaloFeatures(spec),
    featuresOnce: options.haloFeatures === 'once',
  };
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
