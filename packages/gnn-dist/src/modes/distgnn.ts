/**
 * Full-graph training on a vertex cut: edges are divided over devices, vertices whose edges lie on several devices have
 * a clone on each, and clones sum their partial sums in every layer: at once (cd-0, exact), r epochs late (cd-r), or
 * never (0c).
 *
 * Md et al.: "DistGNN: scalable distributed training for large-scale graph neural networks", SC 2021, arXiv:2104.06700.
 * Every clone computes the dense layers for itself; the loss counts masters only.
 */
import { OptionError, Rng } from '@strata-ml/core';
import { exchangeWidths, type ResolvedGnnSpec } from '@strata-ml/models';
import { DistGraphContext } from '../DistGraphContext.js';
import { type CloneDelay, CloneSums } from '../exchange/CloneSums.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { type CloneBlock, cloneBlock } from '../plan/cloneBlock.js';
import { layerBytes } from '../plan/layerTraffic.js';
import type { OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import { libraCut, type VertexCut } from '../plan/vertexCut.js';
import { RowFetch } from '../server/RowFetch.js';
import { CloneStage } from '../stages/CloneStage.js';
import { localData } from '../train/localData.js';
import { defineMode, type ModeEnvironment, type TrainingMode } from './TrainingMode.js';

/** Options of mode `distgnn-cdr`. */
export interface DistGnnOptions {
  /** Epochs between sending a partial sum and using it; `'never'` ignores other devices' (0c). @defaultValue `5` */
  readonly delay?: CloneDelay;
}

/** Both modes. */
interface ResolvedDistGnn {
  readonly delay: CloneDelay;
}

/** Clones sum at once: exact. */
export const distgnnCd0 = defineMode<ResolvedDistGnn>({
  summary: 'divided edges, partial sums of clones added in each layer, exact',
  resolve(_options, { spec }) {
    checkModel(spec);
    return { delay: 0 };
  },
  create: createDistGnn,
});

/** Clones sum with what was sent some epochs ago. */
export const distgnnCdr = defineMode<ResolvedDistGnn>({
  summary: 'divided edges, partial sums of clones some epochs late',
  resolve({ distgnn: { delay = 5 } = {} }, { spec }) {
    checkModel(spec);
    if (delay !== 'never' && !(Number.isInteger(delay) && delay >= 1)) {
      throw new OptionError('trainGnn: distgnn', 'delay', delay, "a whole number ≥ 1, or 'never'");
    }
    return { delay };
  },
  create: createDistGnn,
});

function checkModel({ model }: ResolvedGnnSpec): void {
  if (model !== 'gat') return;
  throw new OptionError('trainGnn: distgnn', 'model', model, 'one that sums', 'attention needs all edges of a vertex');
}

function createDistGnn(environment: ModeEnvironment, { delay }: ResolvedDistGnn): TrainingMode {
  const { ctx, payload, times, serverOf } = environment;
  const { world, trace, rank } = ctx;
  const { data, options, partOf, spec, views } = payload;
  const block = cloneBlock(views.train.graph, sharedCut(environment), rank, world.size);
  const plan = exchangeSendPlan(world, block);
  const sums = new CloneSums({ world, layout: block, plan, times, delay });
  const stage = new CloneStage(block, sums, {
    inDegree: Int32Array.from(block.globalIds, (id) => views.train.inDegrees[id]!),
    outDegree: Int32Array.from(block.globalIds, (id) => views.train.outDegrees[id]!),
  });

  const foreign = block.globalIds.filter((v) => partOf[v] !== rank);
  const fetch = new RowFetch(world, ownedBy(partOf, rank), foreign, partOf, times);
  const features = fetch.rows(data.features, data.numFeatures, block.globalIds, 'preload');
  const alone = allOwned(block);
  const idle = new HaloExchange(world, alone, { sendRows: serverOf.map(() => new Int32Array(0)) }, times);
  const context = new DistGraphContext({
    world,
    stages: new Array<CloneStage>(spec.layers).fill(stage),
    input: new InputFeatures(features, data.numFeatures, alone, idle, trace),
    numOutputs: block.numOwned,
    globalRows: views.train.numIncluded,
    rng: new Rng(options.seed),
    trace,
    times,
    haloFeatures: 'once',
    readsHaloFeatures: false,
    overlap: options.overlap,
  });
  const view = { context, local: localData(data, block), divisor: data.split.train.length };
  return {
    stepsPerEpoch: 1,
    exactView: view,
    beginStep: () => view,
    endStep() {},
    expectedBytes: () => {
      const layers = delay === 'never' ? [] : summedWidths(spec);
      // A row goes to the master and a total comes back, forward and backward.
      const rows = layers.map((width) => ({
        offsets: block.haloOffsets,
        width: 2 * width,
        forward: true,
        backward: true,
      }));
      return layerBytes(rows, serverOf, rank);
    },
    expectedPreload: () => fetch.bytes(serverOf, rank, 4 * data.numFeatures),
    facts: () => ({ clones: block.numSources, masters: block.numOwned, edges: block.indices.length }),
    dispose() {
      sums.drain();
      context.dispose();
    },
  };
}

/** Rank 0 cuts, the others hear of it. */
function sharedCut({ ctx, payload }: ModeEnvironment): VertexCut {
  const { graph, include } = payload.views.train;
  const cut: VertexCut =
    ctx.rank === 0
      ? libraCut(graph, {
          parts: ctx.world.size,
          seed: payload.options.seed,
          preferred: payload.partOf,
          ...(include ? { include } : {}),
        })
      : { partOfEdge: new Uint16Array(graph.indices.length), masterOf: new Int32Array(graph.numVertices) };
  ctx.world.broadcast(cut.partOfEdge, 0, { phase: 'setup' });
  ctx.world.broadcast(cut.masterOf, 0, { phase: 'setup' });
  return cut;
}

/** Columns of the sums of each layer: raw features are projected before they are summed. */
function summedWidths(spec: ResolvedGnnSpec): number[] {
  const [, ...hidden] = exchangeWidths(spec);
  const first = spec.model === 'resSage' || spec.layers > 1 ? spec.hidden : spec.numClasses;
  return [first, ...hidden];
}

/** The rows of a block as rows of this rank alone. */
function allOwned({ numSources, globalIds, indptr, indices, haloOffsets }: CloneBlock): OneHopBlock {
  return {
    numOwned: numSources,
    numDestinations: numSources,
    numCentral: numSources,
    numSources,
    globalIds,
    indptr,
    indices,
    haloOffsets: haloOffsets.map(() => numSources),
  };
}

function ownedBy(partOf: Int32Array, rank: number): Int32Array {
  return Int32Array.from(partOf.keys()).filter((v) => partOf[v] === rank);
}
