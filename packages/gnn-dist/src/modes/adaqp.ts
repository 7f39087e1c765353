/**
 * Full-graph training whose halo rows and their gradients travel in 2, 4 or 8 bits, rounded at random without bias.
 *
 * Wan et al.: "Adaptive message quantization and parallelization for distributed full-graph GNN training" (AdaQP),
 * MLSys 2023, arXiv:2306.01381. Raw features travel as in `full-graph`. The first epoch uses 8 bits and shows the ranges
 * that bits are chosen by; a resumed run starts like a new one.
 */
import { OptionError, Rng } from '@strata-ml/core';
import { exchangeWidths, normalisedWeights } from '@strata-ml/models';
import { QuantisedExchange } from '../exchange/QuantisedExchange.js';
import { countRows, type MessageBits, messageBits, messageBytes } from '../exchange/quantisedRows.js';
import { layerBytes } from '../plan/layerTraffic.js';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { SendPlan } from '../plan/sendPlan.js';
import type { HaloBytes } from '../plan/traffic.js';
import { fullGraphView, globalDegrees } from './fullGraphView.js';
import { defineMode, type ModeEnvironment, type StepView, type TrainingMode } from './TrainingMode.js';

/** Options of mode `adaqp`. */
export interface AdaQpOptions {
  /** Bits of every number, or chosen for each group of rows. @defaultValue `'adaptive'` */
  readonly bits?: MessageBits | 'adaptive';
  /** Weight of variance against bytes, in [0, 1]. @defaultValue `0.5` */
  readonly lambda?: number;
  /** Rows whose bits are chosen together. @defaultValue `100` */
  readonly groupSize?: number;
  /** Choose anew every so many epochs. @defaultValue `50` */
  readonly resolveEvery?: number;
}

/** The mode. */
export const adaqp = defineMode<Required<AdaQpOptions>>({
  summary: 'halo rows and gradients in 2, 4 or 8 bits',
  resolve({ adaqp: options = {} }) {
    const where = 'trainGnn: adaqp';
    const { bits = 'adaptive', lambda = 0.5, groupSize = 100, resolveEvery = 50 } = options;
    if (bits !== 'adaptive' && !messageBits.includes(bits)) {
      throw new OptionError(where, 'bits', bits, "2, 4, 8 or 'adaptive'");
    }
    if (!(lambda >= 0 && lambda <= 1)) throw new OptionError(where, 'lambda', lambda, 'in [0, 1]');
    for (const [name, value] of [
      ['groupSize', groupSize],
      ['resolveEvery', resolveEvery],
    ] as const) {
      if (!(Number.isInteger(value) && value >= 1)) throw new OptionError(where, name, value, 'an integer ≥ 1');
    }
    return { bits, lambda, groupSize, resolveEvery };
  },
  create: (environment, options) => new AdaQpMode(environment, options),
});

class AdaQpMode implements TrainingMode {
  readonly stepsPerEpoch = 1;
  readonly #environment: ModeEnvironment;
  readonly #options: Required<AdaQpOptions>;
  readonly #view: StepView;
  readonly #block: OneHopBlock;
  readonly #exchanges: readonly QuantisedExchange[];
  #expected: HaloBytes = { intraBytes: 0, interBytes: 0 };
  #epoch = 0;
  #isAssigned = false;

  constructor(environment: ModeEnvironment, options: Required<AdaQpOptions>) {
    const { ctx, payload, times } = environment;
    const { world } = ctx;
    this.#environment = environment;
    this.#options = options;
    let exchanges: QuantisedExchange[] = [];
    const { view, block } = fullGraphView(environment, payload.views.train, {
      exchanges: (layout, plan) => {
        const weights = readersWeights(environment, layout, plan);
        const bits = options.bits === 'adaptive' ? 8 : options.bits;
        const make = () => new QuantisedExchange({ world, block: layout, plan, times, bits, weights });
        exchanges = Array.from({ length: payload.spec.layers }, make);
        return exchanges;
      },
    });
    this.#view = view;
    this.#block = block;
    this.#exchanges = exchanges;
  }

  beginStep(epoch: number): StepView {
    this.#epoch = epoch;
    const rng = new Rng(this.#environment.payload.options.seed).split('quantise', epoch);
    for (const exchange of this.#exchanges) exchange.beginEpoch(rng);
    this.#expected = this.#bytes();
    return this.#view;
  }

  endStep(): void {
    const { bits, resolveEvery } = this.#options;
    if (bits !== 'adaptive' || (this.#isAssigned && (this.#epoch - 1) % resolveEvery !== 0)) return;
    for (const [exchange, layer] of this.#quantised()) exchange.assign(layer, this.#options);
    this.#isAssigned = true;
  }

  expectedBytes(): HaloBytes {
    return this.#expected;
  }

  /** Received rows and gradients of the next epoch, by bits. */
  facts() {
    const all = this.#quantised().flatMap(([{ received }]) => [...received.rows, ...received.gradients]);
    const rows = (b: MessageBits) => all.reduce((sum, bits) => sum + countRows(bits, b), 0);
    return { rows8Bits: rows(8), rows4Bits: rows(4), rows2Bits: rows(2) };
  }

  dispose(): void {
    this.#view.context.dispose();
  }

  /** The exchanges that carry rows of hidden layers, with their layers. */
  #quantised(): [QuantisedExchange, number][] {
    const hasEncoder = this.#environment.payload.spec.model === 'resSage';
    return this.#exchanges.map((e, i): [QuantisedExchange, number] => [e, i + 1]).slice(hasEncoder ? 0 : 1);
  }

  #bytes(): HaloBytes {
    const { payload, serverOf, ctx } = this.#environment;
    const { spec, options, data } = payload;
    const sendsFeatures = spec.model !== 'resSage' && options.haloFeatures !== 'once';
    const features = {
      offsets: this.#block.haloOffsets,
      width: data.numFeatures,
      forward: sendsFeatures,
      backward: false,
    };
    const bytes = { ...layerBytes([features], serverOf, ctx.rank) };
    const widths = exchangeWidths(spec);
    for (const [{ received }, layer] of this.#quantised()) {
      for (const lane of [received.rows, received.gradients]) {
        lane.forEach((bits, q) => {
          const key = serverOf[q] === serverOf[ctx.rank] ? 'intraBytes' : 'interBytes';
          bytes[key] += messageBytes(bits, widths[layer - 1]!);
        });
      }
    }
    return bytes;
  }
}

/** Σ weight² of the edges through which each peer reads each of my rows, in the order of the send plan; collective. */
function readersWeights({ ctx, payload }: ModeEnvironment, block: OneHopBlock, { sendRows }: SendPlan): Float64Array[] {
  const { world } = ctx;
  const { spec, views } = payload;
  const { inDegree, outDegree } = globalDegrees(views.train, block);
  const squares = new Float64Array(block.numSources - block.numOwned);
  if (spec.model === 'gat') {
    // Attention is not known beforehand.
    squares.fill(1);
  } else {
    const weights = normalisedWeights(block, spec.model === 'gcn' ? 'gcn' : 'mean', inDegree, outDegree);
    weights.forEach((weight, e) => {
      const row = block.indices[e]! - block.numOwned;
      if (row >= 0) squares[row]! += weight * weight;
    });
  }
  const mine = Array.from({ length: world.size }, (_, q) => block.haloOffsets[q + 1]! - block.haloOffsets[q]!);
  const theirs = sendRows.map((rows) => rows.length);
  const received = new Float64Array(theirs.reduce((a, b) => a + b, 0));
  world.allToAllV(squares, mine, received, theirs, { phase: 'setup' });
  let at = 0;
  return theirs.map((count) => {
    at += count;
    return received.slice(at - count, at);
  });
}
