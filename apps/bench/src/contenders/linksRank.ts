/** Program of an MPI rank: `linksRank.js DATA MODE` trains, and rank 0 prints the sample. Started by `linksShaped.js`. */
import { type TrainMode, trainGnn } from '@strata-ml/gnn-dist';
import { registerMpi } from '@strata-ml/mpi';
import { fastestEpoch, LINK_EPOCHS, LINK_RUN, linkCluster, linkData } from './linksPlan.js';

const [name = '', mode = 'full-graph'] = process.argv.slice(2);
registerMpi();
const { data, partition } = await linkData(name);
const report = await trainGnn(data, {
  ...LINK_RUN,
  partition,
  cluster: linkCluster('unlimited'),
  transport: 'mpi',
  mode: mode as TrainMode,
  flx: { preloadHops: LINK_RUN.model.layers },
  // On unlimited links `auto` is one flat ring: MPI's cluster description knows no speeds.
  allReduce: 'hierarchical',
  epochs: LINK_EPOCHS,
  evalEvery: LINK_EPOCHS,
});
if (report.isRoot) {
  const { metrics } = report;
  const extra = {
    'MB between servers': metrics.interBytesPerEpoch / 1e6,
    'share waited for rows': (metrics.parts.intra + metrics.parts.inter) / metrics.epochSeconds.median,
  };
  console.log(JSON.stringify({ value: fastestEpoch(report), extra }));
}
