/** What the programs of suite `links` share: data, partition, links, and a calibration that all of them use. */
import { existsSync, readFileSync } from 'node:fs';
import { atomicWrite, type ClusterSpec, parseCluster } from '@strata-ml/core';
import { loadNodeDataset } from '@strata-ml/datasets';
import {
  type ComputeRates,
  type GraphData,
  measureComputeRates,
  planTraining,
  type TrainMode,
  type TrainOptions,
  type TrainReport,
  trainGnn,
} from '@strata-ml/gnn-dist';
import { partitionCluster } from '@strata-ml/graph';

/** One point: a mode on a link. */
export interface LinkPoint {
  readonly mode: TrainMode;
  /** A rate such as `1Gbps`, `unlimited`, or the share of the full-graph epoch that the link between servers then takes. */
  readonly link: string | number;
}

/** What the first program that needs it measures, and the others read. */
export interface Calibration {
  readonly rates: ComputeRates;
  /** Seconds of a full-graph epoch on unlimited links. */
  readonly fullGraphSeconds: number;
}

/** 3-layer SAGE of width 64; copies of neighbours' features are kept, as the other modes keep theirs. */
export const LINK_RUN = {
  model: { model: 'sage', layers: 3, hidden: 64 },
  haloFeatures: 'once',
  seed: 1,
} as const satisfies TrainOptions;

/** The first five epochs are not counted. */
export const LINK_EPOCHS = 12;

/** Seconds of the fastest epoch after the first five: others on the machine make epochs longer, never shorter. */
export function fastestEpoch({ timeline }: Pick<TrainReport, 'timeline'>): number {
  return Math.min(...timeline.epochs.slice(5).map(({ seconds }) => seconds));
}

/** A data set and its partition over the cluster, two-level, by the multilevel method. */
export async function linkData(name: string) {
  const set = await loadNodeDataset(name);
  const { features } = set;
  const split = set.splits[0];
  if (features.kind === 'none' || !split) throw new Error(`${name} has no features or no split`);
  const data: GraphData = { ...set, features, split };
  return { data, partition: partitionCluster(data.graph, [2, 2], { method: 'multilevel', seed: 1 }) };
}

/** 2 × 2 devices; links inside servers are unlimited. */
export function linkCluster(interBandwidth: string | number): ClusterSpec {
  return parseCluster('2x2', interBandwidth === 'unlimited' ? {} : { interBandwidth });
}

/** Reads the calibration, or makes it: measured rates of products, and a full-graph run on unlimited links. */
export async function calibration(
  path: string,
  data: GraphData,
  partition: Int32Array,
  options: TrainOptions = {},
): Promise<Calibration> {
  if (existsSync(path)) return JSON.parse(readFileSync(path, 'utf8')) as Calibration;
  const base = { ...LINK_RUN, partition, cluster: linkCluster('unlimited') };
  const run = { ...base, ...options, epochs: 2 * LINK_EPOCHS, evalEvery: 2 * LINK_EPOCHS };
  const fullGraphSeconds = fastestEpoch(await trainGnn(data, run));
  const rates = await measureComputeRates();
  const plan = await planTraining(data, { ...base, rates });
  const made = { rates: { ...rates, scale: fullGraphSeconds / plan.alternatives[0]!.epochSeconds }, fullGraphSeconds };
  await atomicWrite(path, JSON.stringify(made));
  return made;
}

/**
 * Bytes per second at which moving the rows of a full-graph epoch takes as long, beside its time on unlimited links, as the share
 * says: link seconds / (link seconds + other seconds).
 */
export async function bandwidthOfShare(
  share: number,
  data: GraphData,
  partition: Int32Array,
  { rates, fullGraphSeconds }: Calibration,
): Promise<number> {
  const cluster = linkCluster('unlimited');
  const { alternatives } = await planTraining(data, { ...LINK_RUN, partition, cluster, rates });
  const perServer = alternatives[0]!.interBytesPerEpoch / cluster.devicesPerServer.length;
  return perServer / ((fullGraphSeconds * share) / (1 - share));
}

/** The planner's epoch of a mode on a link, and its coarse model of it. */
export async function prediction(
  mode: TrainMode,
  data: GraphData,
  partition: Int32Array,
  { rates }: Calibration,
  bandwidth: string | number,
) {
  const plan = await planTraining(data, { ...LINK_RUN, partition, cluster: linkCluster(bandwidth), rates });
  const { layers } = LINK_RUN.model;
  const is = (a: (typeof plan.alternatives)[number]) =>
    a.options.mode === mode && (mode !== 'flx' || a.options.flx?.preloadHops === layers);
  return { predicted: plan.alternatives.find(is)!, coarse: plan.coarse };
}
