/**
 * Full-graph training with random boundary node sampling: in each epoch a rank reads only a share of its halo rows, the
 * same in all layers, scaled so that the first layer's sums are right in expectation.
 *
 * Wan et al.: "BNS-GCN", MLSys 2022, arXiv:2203.10983. Degrees are those of the whole graph. The ids of the drawn rows
 * go to their owners first (phase `sampling`).
 */
import { OptionError, Rng } from '@strata-ml/core';
import { SparseOperator } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { DistGraphContext } from '../DistGraphContext.js';
import { HaloExchange } from '../exchange/haloExchange.js';
import { type FeatureRows, selectFeatureRows } from '../input/featureRows.js';
import { InputFeatures } from '../input/InputFeatures.js';
import { buildOneHopBlock, type OneHopBlock } from '../plan/rankGraph.js';
import { exchangeSendPlan } from '../plan/sendPlan.js';
import { receivedBytes } from '../plan/traffic.js';
import { sampleBoundary } from '../sample/boundarySample.js';
import { HaloStage } from '../stages/HaloStage.js';
import { type LocalData, localData } from '../train/localData.js';
import { globalDegrees, haloTraffic, readsHaloFeatures } from './fullGraphView.js';
import { defineMode, type ModeEnvironment, type StepView, type TrainingMode } from './TrainingMode.js';

/** Options of mode `bns-gcn`. */
export interface BnsOptions {
  /** Share p of the halo rows of each peer to read in an epoch, in [0, 1]. @defaultValue `0.1` */
  readonly boundaryRate?: number;
}

/** The mode. */
export const bnsGcn = defineMode<Required<BnsOptions>>({
  summary: 'a random share of the halo rows in each epoch, scaled',
  resolve({ bns: { boundaryRate = 0.1 } = {}, haloFeatures }, { spec }) {
    const where = 'trainGnn: bns';
    if (!(boundaryRate >= 0 && boundaryRate <= 1)) {
      throw new OptionError(where, 'boundaryRate', boundaryRate, 'in [0, 1]');
    }
    if (spec.model === 'gat') {
      throw new OptionError(where, 'model', 'gat', 'one that sums', 'attention weights cannot be scaled');
    }
    if (haloFeatures === 'once') {
      throw new OptionError(where, 'haloFeatures', haloFeatures, "'every-epoch'", 'other rows are read in each epoch');
    }
    return { boundaryRate };
  },
  create: (environment, options) => new BnsMode(environment, options),
});

class BnsMode implements TrainingMode {
  readonly stepsPerEpoch = 1;
  readonly #environment: ModeEnvironment;
  readonly #rate: number;
  readonly #full: OneHopBlock;
  readonly #owned: FeatureRows;
  readonly #local: LocalData;
  #step: { readonly view: StepView; readonly block: OneHopBlock } | undefined;
  #offsets: Int32Array;

  constructor(environment: ModeEnvironment, { boundaryRate }: Required<BnsOptions>) {
    const { ctx, payload } = environment;
    const { data, partOf, views } = payload;
    this.#environment = environment;
    this.#rate = boundaryRate;
    this.#full = buildOneHopBlock(views.train.graph, partOf, ctx.rank, ctx.world.size, views.train.include);
    this.#offsets = this.#full.haloOffsets;
    const ids = this.#full.globalIds.subarray(0, this.#full.numOwned);
    this.#owned = selectFeatureRows(data.features, data.numFeatures, ids);
    this.#local = localData(data, this.#full);
  }

  beginStep(epoch: number): StepView {
    this.#step = this.#environment.times.time('sampling', () => this.#sample(epoch));
    this.#offsets = this.#step.block.haloOffsets;
    return this.#step.view;
  }

  endStep(): void {
    this.#step?.view.context.dispose();
    this.#step = undefined;
  }

  expectedBytes() {
    const { serverOf, ctx } = this.#environment;
    return receivedBytes({ serverOf, rank: ctx.rank, offsets: this.#offsets }, haloTraffic(this.#environment));
  }

  facts() {
    const read = this.#offsets.at(-1)! - this.#full.numOwned;
    return { haloRowsRead: read, haloRows: this.#full.numSources - this.#full.numOwned };
  }

  dispose(): void {
    this.endStep();
    this.#owned.dispose();
  }

  #sample(epoch: number): { view: StepView; block: OneHopBlock } {
    const { ctx, payload, times } = this.#environment;
    const { world, trace } = ctx;
    const { data, options, spec, views } = payload;
    const rng = new Rng(options.seed).split('boundary', epoch, ctx.rank);
    const { block, sourceScale } = sampleBoundary(this.#full, this.#rate, rng);
    const exchange = new HaloExchange(world, block, exchangeSendPlan(world, block, 'sampling'), times);
    const stage = new HaloStage({ block, exchange, sourceScale, ...globalDegrees(views.train, block) });
    const context = new DistGraphContext({
      world,
      stages: new Array<HaloStage>(spec.layers).fill(stage),
      input: new InputFeatures(shareRows(this.#owned), data.numFeatures, block, exchange, trace),
      numOutputs: block.numOwned,
      globalRows: views.train.numIncluded,
      rng: new Rng(options.seed),
      trace,
      times,
      haloFeatures: options.haloFeatures,
      readsHaloFeatures: readsHaloFeatures(spec),
      overlap: options.overlap,
    });
    return { view: { context, local: this.#local, divisor: data.split.train.length }, block };
  }
}

/** The same rows for one more owner to dispose of. */
function shareRows(rows: FeatureRows): FeatureRows {
  if (!(rows instanceof SparseOperator)) return tf.keep(tf.clone(rows));
  const { values, indices } = rows.csr;
  return rows.withValues(values ?? new Float32Array(indices.length).fill(1));
}
