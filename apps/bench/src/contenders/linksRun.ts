/** Program: `linksRun.js DATA CALIBRATION ITEMS` trains a mode on each link and prints the fastest epoch, and the planner's. */
import { isUnlimited } from '@strata-ml/core';
import { trainGnn } from '@strata-ml/gnn-dist';
import {
  bandwidthOfShare,
  calibration,
  fastestEpoch,
  LINK_EPOCHS,
  LINK_RUN,
  type LinkPoint,
  linkCluster,
  linkData,
  prediction,
} from './linksPlan.js';

const [name = '', path = '', list = '[]'] = process.argv.slice(2);
const { data, partition } = await linkData(name);
const known = await calibration(path, data, partition);
for (const [item, { mode, link }] of (JSON.parse(list) as LinkPoint[]).entries()) {
  const bandwidth = typeof link === 'number' ? await bandwidthOfShare(link, data, partition, known) : link;
  const cluster = linkCluster(bandwidth);
  const flx = { preloadHops: LINK_RUN.model.layers };
  const run = { ...LINK_RUN, partition, cluster, mode, flx, epochs: LINK_EPOCHS, evalEvery: LINK_EPOCHS };
  const report = await trainGnn(data, run);
  const { metrics } = report;
  const { predicted, coarse } = await prediction(mode, data, partition, known, bandwidth);
  const value = fastestEpoch(report);
  const isReference = mode === 'full-graph';
  const extra = {
    'Mb/s': isUnlimited(cluster.interLink) ? 'unlimited' : (8 * cluster.interLink.bandwidthBytesPerS) / 1e6,
    'predicted s': predicted.epochSeconds,
    'predicted / measured': predicted.epochSeconds / value,
    'MB between servers': metrics.interBytesPerEpoch / 1e6,
    'MB set-up': metrics.preload.interBytes / 1e6,
    ...(isReference
      ? {
          'share waited for rows': (metrics.parts.intra + metrics.parts.inter) / metrics.epochSeconds.median,
          'C/B': coarse.computeOverLink,
          'C/B at break-even': coarse.breakEven,
        }
      : {}),
  };
  console.log(JSON.stringify({ item, value, extra }));
}
