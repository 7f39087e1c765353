/**
 * One-dimensional block rows: each rank's whole block of rows goes to all others in every layer. Exact; its traffic
 * depends on the number of vertices, not on the cut, which is what makes it the baseline of partitioned exchanges.
 *
 * Tripathy, Yelick, Buluç: "Reducing communication in graph neural network training" (CAGNET), SC 2020,
 * arXiv:2005.03300, the 1D algorithm. Backward, the products with the transposed columns are returned to the owner of
 * the rows: as many bytes as the broadcast of gradients.
 */
import { broadcastBlock } from '../plan/broadcastBlock.js';
import { buildOneHopBlock } from '../plan/rankGraph.js';
import { receivedBytes } from '../plan/traffic.js';
import { fullGraphView, haloTraffic } from './fullGraphView.js';
import { defineMode } from './TrainingMode.js';

/** The mode. It has no options of its own. */
export const cagnet1d = defineMode({
  summary: 'every rank sends all its rows to all others, exact',
  resolve: () => ({}),
  create(environment) {
    const { payload, serverOf, ctx } = environment;
    const { partOf, views } = payload;
    const { rank, size } = ctx.world;
    const { graph, include } = views.train;
    const vanilla = buildOneHopBlock(graph, partOf, rank, size, include);
    const { view, block } = fullGraphView(environment, views.train, {
      block: broadcastBlock(vanilla, partOf, rank, size, include),
    });
    return {
      stepsPerEpoch: 1,
      exactView: view,
      beginStep: () => view,
      endStep() {},
      expectedBytes: () => receivedBytes({ serverOf, rank, offsets: block.haloOffsets }, haloTraffic(environment)),
      dispose: () => view.context.dispose(),
    };
  },
});
