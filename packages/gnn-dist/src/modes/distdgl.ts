/**
 * Mini-batches as DistDGL trains: every device samples its own batch layer by layer on the whole graph, and pulls the
 * features that it does not own for every batch. Gradients are summed in every step.
 *
 * Zheng et al.: "DistDGL: distributed graph neural network training for billion-scale graphs", IA³ 2020,
 * arXiv:2010.05337. Training vertices are evened out over devices, so that all take the same number of steps.
 */
import { DeviceBatches, type ResolvedDistDgl, rankBatchPlan, resolveDistDgl } from './batches.js';
import { defineMode } from './TrainingMode.js';

/** The mode. */
export const distdgl = defineMode<ResolvedDistDgl>({
  summary: 'a mini-batch per device, features pulled for each batch',
  resolve: ({ distdgl: options }, facts) => resolveDistDgl(options, facts),
  create: (environment, options) =>
    new DeviceBatches(environment, rankBatchPlan(environment, options), options.background),
});
