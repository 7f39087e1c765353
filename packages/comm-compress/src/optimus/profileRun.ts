/** From a measured run without compression to the profile that predictions start from. */
import { type ClusterSpec, isUnlimited, type LinkSpec, placeRank, Rng } from '@strata-ml/core';
import { partShape } from '@strata-ml/models';
import { measureCodec } from '../codecs/measure.js';
import { parseCodec } from '../codecs/parseCodec.js';
import { isPowerSgd } from '../codecs/powerSgd.js';
import { gptStages } from '../stages/gptStages.js';
import type { GroupTensorParallel } from '../tensorParallel/groupTensorParallel.js';
import { type LanguageModelOptions, trainerOptionsOf } from '../train/languageModelOptions.js';
import type { LanguageModelReport } from '../train/report.js';
import { type ResolvedTrainerOptions, resolveTrainerOptions } from '../train/TrainerOptions.js';
import type { CodecProfile, LinkProfile, TrainingProfile } from './predictStep.js';

/** Codecs whose cost a profile measures, as {@link parseCodec} reads them. */
export interface ProfileCodecs {
  /** @defaultValue `'powersgd:16'` */
  readonly backward?: string;
  /** @defaultValue `'powersgd:128'` */
  readonly gradients?: string;
}

/**
 * Takes compute times from a run's parts, bytes from its closed form and links from its cluster, and measures the codecs on this
 * thread with tensors of the run's shapes.
 *
 * @param report - of a run without compression and without interleaving
 * @param options - of that run
 */
export function profileRun(
  report: LanguageModelReport,
  options: LanguageModelOptions,
  cluster: ClusterSpec,
  { backward = 'powersgd:16', gradients = 'powersgd:128' }: ProfileCodecs = {},
): TrainingProfile {
  const resolved = resolveTrainerOptions(trainerOptionsOf(options));
  const { grid, microBatch, microBatches, schedule, p2p } = resolved;
  const { pp, dp, tp } = grid;
  const { parts } = report.metrics;
  const { context, width } = report.config;
  const ofStage = (stage: number, value: (rank: number) => number) => {
    const ranks = parts.map((_, rank) => rank).filter((rank) => grid.placeOf(rank).stage === stage);
    return ranks.reduce((sum, rank) => sum + value(rank), 0) / ranks.length;
  };
  const stages = Array.from({ length: pp }, (_, k) => k);
  const shapes = stages.map((stage) => gradientShapes(report, resolved, stage));
  const rows = Math.ceil((microBatch * context) / (resolved.scatterGather ? tp : 1));
  return {
    pp,
    dp,
    microBatches,
    schedule: schedule === 'interleaved' ? '1f1b' : schedule,
    p2p,
    forwardS: stages.map((k) => ofStage(k, (r) => parts[r]!.forward / microBatches)),
    backwardS: stages.map((k) => ofStage(k, (r) => parts[r]!.backward / microBatches)),
    updateS: Math.max(...parts.map(({ update }) => update)),
    messageBytes: 4 * rows * width,
    gradientBytes: shapes.map(({ matrices, others }) => 4 * (total(matrices) + others)),
    embeddingBytes: pp > 1 && report.config.tied ? 4 * Math.max(...shapes.map(({ tied }) => tied)) : 0,
    stageLink: linkBetween(cluster, resolved, 'stage'),
    replicaLink: linkBetween(cluster, resolved, 'replica'),
    backwardCodec: codecProfile(backward, [[rows, width]], 0),
    gradientCodec: dp > 1 ? shapes.map(({ matrices, others }) => codecProfile(gradients, matrices, others)) : [],
  };
}

const total = (shapes: readonly (readonly number[])[]) =>
  shapes.reduce((sum, shape) => sum + shape.reduce((n, d) => n * d, 1), 0);

/** What a stage averages over replicas: matrices, elements of other tensors, and elements of the tied table apart. */
function gradientShapes(
  { config }: LanguageModelReport,
  { pp, microBatch, seed, tp }: ResolvedTrainerOptions,
  stage: number,
) {
  const tensorParallel = { size: tp, rank: 0 } as GroupTensorParallel;
  const { parameters } = gptStages(config)({ stage, stages: pp, microBatch, tensorParallel, seed });
  const isApart = (p: (typeof parameters)[number]) => p.isTied === true && pp > 1;
  const part = { size: tp, rank: 0 };
  const shapes = parameters.filter((p) => !isApart(p)).map((p) => partShape(p, part));
  return {
    matrices: shapes.filter((shape) => shape.length > 1),
    others: total(shapes.filter((shape) => shape.length < 2)),
    tied: total(parameters.filter(isApart).map((p) => partShape(p, part))),
  };
}

/** Bytes and measured seconds of coding tensors of these shapes one after the other. */
function codecProfile(text: string, shapes: readonly (readonly number[])[], plain: number): CodecProfile {
  const sum = { payloadBytes: 4 * plain, encodeS: 0, decodeS: 0 };
  const rng = new Rng(1);
  for (const shape of shapes) {
    const codec = parseCodec(text);
    const n = total([shape]);
    if (isPowerSgd(codec) && shapes.length > 1 && !codec.isWorthIt(shape)) {
      sum.payloadBytes += 4 * n;
      continue;
    }
    const x = Float32Array.from({ length: n }, (_, i) => rng.normalAt(i));
    const { payloadBytes, encodeSeconds, decodeSeconds } = measureCodec(codec, x, shape, rng);
    sum.payloadBytes += payloadBytes;
    sum.encodeS += encodeSeconds;
    sum.decodeS += decodeSeconds;
  }
  return sum;
}

/** The slowest link between neighbouring stages, or between replicas of one stage. */
function linkBetween(cluster: ClusterSpec, { grid }: ResolvedTrainerOptions, kind: 'stage' | 'replica'): LinkProfile {
  const ranks = Array.from({ length: grid.worldSize }, (_, rank) => ({
    server: placeRank(cluster, rank).server,
    ...grid.placeOf(rank),
  }));
  let slowest: LinkProfile = { bandwidth: Infinity, latencyS: 0 };
  for (const a of ranks) {
    for (const b of ranks) {
      const areNeighbours =
        kind === 'stage'
          ? b.stage === a.stage + 1 && b.replica === a.replica && b.tensor === a.tensor
          : b.stage === a.stage && b.replica === a.replica + 1 && b.tensor === a.tensor;
      if (!areNeighbours) continue;
      const link = profileOf(a.server === b.server ? cluster.intraLink : cluster.interLink);
      if (link.bandwidth < slowest.bandwidth || link.latencyS > slowest.latencyS) slowest = link;
    }
  }
  return slowest;
}

function profileOf(link: LinkSpec): LinkProfile {
  return isUnlimited(link)
    ? { bandwidth: Infinity, latencyS: 0 }
    : { bandwidth: link.bandwidthBytesPerS, latencyS: link.latencyS };
}
