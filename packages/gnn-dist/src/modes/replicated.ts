/** Training on servers that hold copies of remote vertices: what `flx` and `flx-eas` have in common. */
import { Rng } from '@strata-ml/core';
import { exchangeWidths } from '@strata-ml/models';
import { DistGraphContext } from '../DistGraphContext.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import { selectFeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { type LayerRows, layerBytes } from '../plan/layerTraffic.js';
import { buildOneHopBlock, type OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import type { HaloBytes } from '../plan/traffic.js';
import { type HopOf, hopSets } from '../server/hopSets.js';
import { RowFetch } from '../server/RowFetch.js';
import { layOutServer, shareLayout } from '../server/ServerLayout.js';
import { type ServerRows, serverRows } from '../server/ServerRows.js';
import { buildSegment, countUpTo, degreesById, type MaskKind, type VertexDegrees } from '../server/serverStages.js';
import { HaloStage } from '../stages/HaloStage.js';
import type { LayerStage } from '../stages/LayerStage.js';
import { firstRows } from '../stages/rows.js';
import { localData } from '../train/localData.js';
import { globalDegrees, readsHaloFeatures } from './fullGraphView.js';
import type { ModeEnvironment, StepView } from './TrainingMode.js';

/** What a server replicates, and how its devices compute on it. */
export interface ReplicatedOptions {
  readonly segments: readonly number[];
  readonly vanillaLayers: number;
  readonly mask: MaskKind;
  /** Chooses the copies and the degrees of a server, on its head; by default all that `segments` need. */
  readonly sample?: (inner: Int32Array) => { readonly hopOf: HopOf; readonly hops: number };
  /** Degrees of vertices as this server sees them. @defaultValue those of the whole graph */
  readonly degreesOf?: (rows: ServerRows) => VertexDegrees;
  /** Label of the bytes of copied features. @defaultValue `'preload'` */
  readonly preloadPhase?: string;
}

/** A view with the plan behind it. */
export interface ReplicatedView {
  readonly view: StepView;
  readonly traffic: readonly LayerRows[];
  readonly preload: HaloBytes;
  readonly facts: Readonly<Record<string, number>>;
}

/** Bytes of rows that a rank of a view receives in one epoch. */
export function replicatedBytes({ serverOf, ctx }: ModeEnvironment, { traffic }: ReplicatedView): HaloBytes {
  return layerBytes(traffic, serverOf, ctx.rank);
}

/** Hop sets, replicas, blocks, plans and features of one rank; collective. */
export function replicatedView(environment: ModeEnvironment, options: ReplicatedOptions): ReplicatedView {
  const { ctx, payload, times, serverOf } = environment;
  const { world, trace } = ctx;
  const { data, partOf, spec, options: run } = payload;
  const { train } = payload.views;
  const vanilla = buildOneHopBlock(train.graph, partOf, world.rank, world.size, train.include);
  const rows = planRows(environment, options, vanilla.globalIds.subarray(0, vanilla.numOwned));
  const { vertices } = rows;
  const inner = vertices.subarray(0, rows.countUpTo[0]);
  const maxHops = agreedHops(environment, rows);

  const widths = exchangeWidths(spec);
  const hasEncoder = spec.model === 'resSage';
  const travels = (layer: number) => ({
    forward: layer > 1 || hasEncoder || run.haloFeatures !== 'once',
    backward: layer > 1 || hasEncoder,
  });
  const stages: LayerStage[] = [];
  const traffic: LayerRows[] = [];
  const blocks: { block: OneHopBlock; exchange: HaloExchange }[] = [];
  const addTraffic = (offsets: Int32Array, layer: number) =>
    traffic.push({ offsets, width: widths[layer - 1]!, ...travels(layer) });
  let fetch: RowFetch | undefined;
  for (const k of options.segments) {
    const copies = vertices.subarray(inner.length, countUpTo(rows, k));
    const copy = new RowFetch(world, inner, copies, partOf, times);
    const isFirst = stages.length === 0;
    if (isFirst) fetch = copy;
    else traffic.push({ offsets: copy.offsets, width: widths[stages.length]!, forward: true, backward: true });
    const enter: LayerStage['enter'] = (h, call) => copy.extend(firstRows(h, inner.length), call);
    const segment = buildSegment({
      world,
      times,
      graph: train.graph,
      rows,
      degreesOf: degreesById(options.degreesOf?.(rows) ?? train),
      mask: options.mask,
      layers: k,
      maxHops: Math.min(k, maxHops),
      ...(isFirst ? {} : { enter }),
    });
    segment.stages.forEach((stage, i) => {
      addTraffic(segment.blocks[i]!.haloOffsets, stages.length + 1);
      stages.push(stage);
      blocks.push({ block: stage.block, exchange: stage.exchange as HaloExchange });
    });
  }
  if (options.vanillaLayers > 0) {
    const exchange = new HaloExchange(world, vanilla, exchangeSendPlan(world, vanilla), times);
    const stage = new HaloStage({ block: vanilla, exchange, ...globalDegrees(train, vanilla) });
    for (let i = 0; i < options.vanillaLayers; i++) {
      addTraffic(vanilla.haloOffsets, stages.length + 1);
      stages.push(stage);
      blocks.push({ block: vanilla, exchange });
    }
  }

  const rank = ctx.rank;
  const bytesPerRow = 4 * data.numFeatures;
  const features =
    fetch?.rows(
      data.features,
      data.numFeatures,
      vertices.subarray(0, stages[0]!.numOwned),
      options.preloadPhase ?? 'preload',
    ) ?? selectFeatureRows(data.features, data.numFeatures, inner);
  const [first] = blocks as [{ block: OneHopBlock; exchange: HaloExchange }];
  const context = new DistGraphContext({
    world,
    stages,
    input: new InputFeatures(features, data.numFeatures, first.block, first.exchange, trace),
    numOutputs: inner.length,
    globalRows: train.numIncluded,
    rng: new Rng(run.seed),
    trace,
    times,
    haloFeatures: run.haloFeatures,
    readsHaloFeatures: readsHaloFeatures(spec),
    overlap: run.overlap,
  });
  const local = localData(data, { globalIds: vertices, numOwned: inner.length });
  return {
    view: { context, local, divisor: data.split.train.length },
    traffic,
    preload: fetch?.bytes(serverOf, rank, bytesPerRow) ?? { intraBytes: 0, interBytes: 0 },
    facts: { innerVertices: inner.length, replicas: vertices.length - inner.length },
  };
}

/** The head of each server finds hop sets and places replicas; its devices are told. */
function planRows(
  { ctx, payload, times }: ModeEnvironment,
  options: ReplicatedOptions,
  innerOrder: Int32Array,
): ServerRows {
  const { server, localRank, serverGroup, cluster } = ctx;
  const { partOf, views } = payload;
  const { graph, include } = views.train;
  const firstRank = ctx.rank - localRank;
  const devices = cluster.devicesPerServer[server]!;
  const hops = Math.max(0, ...options.segments);
  return times.time('sampling', () => {
    let made: ReturnType<typeof layOutServer> | undefined;
    if (localRank === 0) {
      const inner: number[] = [];
      for (let v = 0; v < partOf.length; v++) {
        const device = partOf[v]! - firstRank;
        if (device >= 0 && device < devices && include?.[v] !== 0) inner.push(v);
      }
      const own = Int32Array.from(inner);
      const { hopOf, hops: reach } = options.sample?.(own) ?? { hopOf: hopSets(graph, own, hops, include), hops };
      made = layOutServer(graph, hopOf, reach, (v) => partOf[v]! - firstRank, devices);
    }
    const layout = shareLayout(serverGroup, made);
    return serverRows(layout, graph.numVertices, hops, firstRank, localRank, innerOrder);
  });
}

/** Farthest hop that any server has rows of: ranks of all servers then build the same number of structures. */
function agreedHops({ ctx }: ModeEnvironment, { hopOf }: ServerRows): number {
  let most = 0;
  for (const d of hopOf) if (d > most) most = d;
  const shared = Int32Array.of(most);
  ctx.world.allReduce(shared, { op: 'max', phase: 'setup' });
  return shared[0]!;
}
