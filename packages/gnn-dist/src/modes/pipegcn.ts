/**
 * Full-graph training whose halo rows and their gradients are one epoch old, so that no layer waits for a link.
 *
 * Wan et al.: "PipeGCN", ICLR 2022, arXiv:2203.10428. Rows of the raw features do not change and are fetched as in
 * `full-graph`; `haloFeatures: 'once'` is the paper's `use_pp`. In the first epoch halo rows are zero.
 */
import { OptionError } from '@strata-ml/core';
import { HaloExchange } from '../exchange/haloExchange.js';
import { type Smoothing, StaleExchange } from '../exchange/StaleExchange.js';
import { receivedBytes } from '../plan/traffic.js';
import { fullGraphView, haloTraffic } from './fullGraphView.js';
import { defineMode } from './TrainingMode.js';

/** Options of mode `pipegcn`. */
export interface PipeGcnOptions {
  /** Smooth stale rows (F), stale gradients (G), both (GF). @defaultValue `'none'` */
  readonly smooth?: 'none' | 'F' | 'G' | 'GF';
  /** γ of the moving average, in [0, 1). @defaultValue `0.95` */
  readonly gamma?: number;
}

const smoothings = ['none', 'F', 'G', 'GF'] as const;

/** The mode. */
export const pipegcn = defineMode<Required<PipeGcnOptions>>({
  summary: 'halo rows and gradients of the last epoch, nothing waits',
  resolve({ pipegcn: options = {} }) {
    const { smooth = 'none', gamma = 0.95 } = options;
    const where = 'trainGnn: pipegcn';
    if (!smoothings.includes(smooth)) throw new OptionError(where, 'smooth', smooth, `one of ${smoothings.join(', ')}`);
    if (!(gamma >= 0 && gamma < 1)) throw new OptionError(where, 'gamma', gamma, 'in [0, 1)');
    return { smooth, gamma };
  },
  create(environment, { smooth, gamma }) {
    const { payload, serverOf, ctx, times } = environment;
    const { spec } = payload;
    const smoothing: Smoothing = {
      ...(smooth.includes('F') ? { rows: gamma } : {}),
      ...(smooth.includes('G') ? { gradients: gamma } : {}),
    };
    let stale: readonly StaleExchange[] = [];
    const { view, block } = fullGraphView(environment, payload.views.train, {
      exchanges: (layout, plan) => {
        // One exact exchange per layer: buffers stay in use for an epoch.
        stale = Array.from(
          { length: spec.layers },
          () => new StaleExchange(new HaloExchange(ctx.world, layout, plan, times), layout, smoothing),
        );
        return stale;
      },
    });
    return {
      stepsPerEpoch: 1,
      beginStep: () => view,
      endStep() {},
      expectedBytes: () =>
        receivedBytes({ serverOf, rank: ctx.rank, offsets: block.haloOffsets }, haloTraffic(environment)),
      dispose() {
        for (const exchange of stale) exchange.drain();
        view.context.dispose();
      },
    };
  },
});
