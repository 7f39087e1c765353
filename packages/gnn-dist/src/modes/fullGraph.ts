/**
 * Full-graph training with vanilla vertex parallelism: every vertex in every step, halo rows exchanged in every layer,
 * forward and backward. Exact. (GraNNDis, PACT 2024, arXiv:2311.06837, there `FB_base`.)
 */
import { type HaloRows, receivedBytes } from '../plan/traffic.js';
import { fullGraphView, haloTraffic } from './fullGraphView.js';
import { defineMode } from './TrainingMode.js';

/** The mode. It has no options of its own. */
export const fullGraph = defineMode({
  summary: 'every vertex in every step, exact',
  resolve: () => ({}),
  create(environment) {
    const { payload, serverOf, ctx } = environment;
    const { view, block } = fullGraphView(environment, payload.views.train);
    const rows: HaloRows = { serverOf, rank: ctx.rank, offsets: block.haloOffsets };
    return {
      stepsPerEpoch: 1,
      exactView: view,
      beginStep: () => view,
      endStep() {},
      expectedBytes: () => receivedBytes(rows, haloTraffic(environment)),
      dispose: () => view.context.dispose(),
    };
  },
});
