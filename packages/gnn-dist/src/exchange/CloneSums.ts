/**
 * Sums of partial sums over the clones of a vertex: clones send theirs to the master, which sends the total back.
 *
 * Md et al.: "DistGNN", SC 2021, arXiv:2104.06700. cd-0 waits for all; cd-r uses what was sent r epochs ago. The sum is
 * its own transpose, so gradients take the same way. We differ in this: all vertices are sent in every epoch, where
 * DistGNN deals them to r epochs.
 */
import type { ProcessGroup } from '@strata-ml/core';
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { SendPlan } from '../plan/sendPlan.js';
import type { StageCall } from '../stages/LayerStage.js';
import { HaloExchange, type HaloLayout } from './haloExchange.js';
import type { PhaseTimes } from './PhaseTimes.js';
import type { PendingExchange } from './RowExchange.js';

/** Epochs between sending a partial sum and using it: 0 exact, `'never'` uses the rank's own only. */
export type CloneDelay = number | 'never';

/** What {@link CloneSums} is made from. */
export interface CloneSumsOptions {
  readonly world: ProcessGroup;
  /** Masters are the owned rows, clones of others' masters the halo rows. */
  readonly layout: HaloLayout;
  /** Masters that each peer has clones of. */
  readonly plan: SendPlan;
  readonly times: PhaseTimes;
  readonly delay: CloneDelay;
}

/** Sums rows over clones; evaluation is always exact. */
export class CloneSums {
  readonly #options: CloneSumsOptions;
  readonly #exact: HaloExchange;
  readonly #lanes = new Map<string, DelayedSum>();

  constructor(options: CloneSumsOptions) {
    const { world, layout, plan, times } = options;
    this.#options = options;
    this.#exact = new HaloExchange(world, layout, plan, times);
  }

  /** Float32 `[clones, F]` to the same shape, every clone with the total; differentiable. */
  apply(partial: tf.Tensor2D, { layer, phase, trace }: StageCall): tf.Tensor2D {
    if (this.#exact.isIdle) return partial.clone();
    const [rows, width] = partial.shape;
    const run = (x: tf.Tensor, label: string) =>
      trace.span(`clones ${layer}`, 'comm', () =>
        unfilledTensor([rows, width], (out) => this.#sum(readTensor(x), width, out, label, layer)),
      );
    const op = tf.customGrad((x) => ({
      value: run(x as tf.Tensor, phase),
      gradFunc: (dy: tf.Tensor) => run(dy, 'backward'),
    }));
    return op(partial) as tf.Tensor2D;
  }

  /** Waits for everything on its way; collective. */
  drain(): void {
    for (const lane of this.#lanes.values()) lane.drain();
  }

  #sum(x: Float32Array, width: number, out: Float32Array, phase: string, layer: number): void {
    const { delay, layout } = this.#options;
    const masters = layout.numOwned * width;
    const length = layout.numSources * width;
    out.set(x.subarray(0, length));
    if (phase === 'evaluation' || delay === 0) {
      const totals = out.subarray(0, masters);
      this.#exact.startBackward(x.subarray(masters, length), width, totals, phase, layer).finish();
      this.#exact.startForward(totals, width, out.subarray(masters), phase, layer).finish();
    } else if (delay !== 'never') {
      this.#lane(`${phase} ${layer}`, delay).add(out, width, phase, layer);
    }
  }

  #lane(key: string, delay: number): DelayedSum {
    let lane = this.#lanes.get(key);
    if (!lane) {
      const { world, layout, plan, times } = this.#options;
      // As many exchanges as are in flight at once: each one's buffers stay in use until it ends.
      const exchanges = Array.from({ length: delay + 1 }, () => new HaloExchange(world, layout, plan, times));
      lane = new DelayedSum(exchanges, layout, delay);
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}

/** Rows on their way. */
interface Flight {
  readonly pending: PendingExchange;
  readonly rows: Float32Array;
}

/** One direction of one layer, `delay` ≥ 1 epochs behind. */
class DelayedSum {
  readonly #exchanges: readonly HaloExchange[];
  readonly #layout: HaloLayout;
  readonly #delay: number;
  readonly #up: Flight[] = [];
  readonly #down: Flight[] = [];
  /** Partial sums of my clones that totals on their way contain. */
  readonly #sent: Float32Array[] = [];
  #epochs = 0;

  constructor(exchanges: readonly HaloExchange[], layout: HaloLayout, delay: number) {
    this.#exchanges = exchanges;
    this.#layout = layout;
    this.#delay = delay;
  }

  /** Adds the others' partial sums of `delay` epochs ago to this epoch's own, in place. */
  add(out: Float32Array, width: number, phase: string, layer: number): void {
    const cut = this.#layout.numOwned * width;
    const totals = out.subarray(0, cut);
    const clones = out.subarray(cut);
    const exchange = this.#exchanges[this.#epochs++ % this.#exchanges.length]!;

    const partial = clones.slice();
    const arriving = new Float32Array(cut);
    this.#up.push({ pending: exchange.startBackward(partial, width, arriving, phase, layer), rows: arriving });
    const fromClones = this.#land(this.#up);
    if (fromClones) for (let i = 0; i < cut; i++) totals[i]! += fromClones[i]!;

    const returned = new Float32Array(clones.length);
    this.#down.push({ pending: exchange.startForward(totals, width, returned, phase, layer), rows: returned });
    this.#sent.push(partial);
    const fromMasters = this.#land(this.#down);
    if (!fromMasters) return;
    // The total left its master `delay` epochs ago, and has in it what I had sent `delay` epochs before that.
    const mine = this.#sent.length > 2 * this.#delay ? this.#sent.shift() : undefined;
    for (let i = 0; i < clones.length; i++) clones[i]! += fromMasters[i]! - (mine?.[i] ?? 0);
  }

  drain(): void {
    for (const { pending } of [...this.#up, ...this.#down]) pending.finish();
    this.#up.length = 0;
    this.#down.length = 0;
  }

  #land(flights: Flight[]): Float32Array | undefined {
    if (flights.length <= this.#delay) return undefined;
    const flight = flights.shift();
    flight?.pending.finish();
    return flight?.rows;
  }
}
