/**
 * Mini-batches per device with a cache of other devices' features that is filled once, with the vertices that batches
 * are likeliest to read.
 *
 * Kaler et al.: "Communication-efficient graph neural networks with probabilistic neighborhood expansion analysis and
 * caching" (SALIENT++), MLSys 2023, arXiv:2305.03152. Samples and results are those of `distdgl`.
 */
import { OptionError } from '@strata-ml/core';
import { FeatureCache } from '../input/FeatureCache.js';
import type { BatchPlan } from '../sample/batch.js';
import { inclusionScores } from '../sample/inclusion.js';
import { RowFetch } from '../server/RowFetch.js';
import { DeviceBatches, ownedVertices, type ResolvedDistDgl, rankBatchPlan, resolveDistDgl } from './batches.js';
import { defineMode, type ModeEnvironment } from './TrainingMode.js';

/** Options of mode `salient++`, beside those of `distdgl`. */
export interface SalientOptions {
  /** Cached rows per row that a device owns on average, α ≥ 0. @defaultValue `0.2` */
  readonly cacheShare?: number;
}

/** The mode. */
export const salient = defineMode<ResolvedDistDgl & Required<SalientOptions>>({
  summary: 'distdgl with a cache of the features that batches are likeliest to read',
  resolve({ distdgl, salient: { cacheShare = 0.2 } = {} }, facts) {
    if (!(cacheShare >= 0 && cacheShare < Number.POSITIVE_INFINITY)) {
      throw new OptionError('trainGnn: salient', 'cacheShare', cacheShare, 'a number ≥ 0');
    }
    return { ...resolveDistDgl(distdgl, facts), cacheShare };
  },
  create(environment, options) {
    const { ctx, payload, serverOf, times } = environment;
    const { data, partOf } = payload;
    const plan = rankBatchPlan(environment, options);
    const chosen = likeliestVertices(environment, plan, options);
    const fetch = new RowFetch(ctx.world, ownedVertices(partOf, ctx.rank), chosen, partOf, times);
    const cache = new FeatureCache(fetch.rows(data.features, data.numFeatures, chosen, 'preload'), chosen);
    const preload = fetch.bytes(serverOf, ctx.rank, 4 * data.numFeatures);
    return new DeviceBatches(environment, plan, options.background, { cache, preload });
  },
});

/** The ⌊α·n/P⌋ likeliest of the vertices that other devices own, ascending. */
function likeliestVertices(
  { ctx, payload }: ModeEnvironment,
  { graph, train, partOf: deviceOf, include }: BatchPlan,
  { seeds, steps, fanouts, cacheShare }: ResolvedDistDgl & Required<SalientOptions>,
): Int32Array {
  const { partOf } = payload;
  const isLocal = seeds === 'local';
  const mine = isLocal ? train.filter((v) => deviceOf[v] === ctx.rank) : train;
  const score = inclusionScores(graph, {
    seeds: mine,
    batchSize: mine.length / (isLocal ? steps : steps * ctx.worldSize),
    // The last layer draws first.
    fanouts: [...fanouts].reverse(),
    ...(include ? { include } : {}),
  });
  const count = Math.floor((cacheShare * graph.numVertices) / ctx.worldSize);
  return Int32Array.from(partOf.keys())
    .filter((v) => partOf[v] !== ctx.rank && score[v]! > 0)
    .sort((a, b) => score[b]! - score[a]! || a - b)
    .slice(0, count)
    .sort();
}
