/**
 * Bytes that a training step sends, in closed form: what the counters must show, to the byte.
 *
 * Summed over all ranks, payloads only. An all-reduce of n numbers over g ranks sends 2 (g − 1) · 4n bytes in all.
 */
import type { GptConfig } from '@strata-ml/models';
import { partShape } from '@strata-ml/models';
import { gptStages } from '../stages/gptStages.js';
import type { GroupTensorParallel } from '../tensorParallel/groupTensorParallel.js';
import type { ResolvedTrainerOptions } from './TrainerOptions.js';

/** Bytes by traffic class. */
export interface StepTraffic {
  readonly 'pipeline-forward': number;
  readonly 'pipeline-backward': number;
  /** Gathering boundary messages inside tensor groups. */
  readonly 'scatter-gather': number;
  readonly tensor: number;
  readonly gradient: number;
  readonly embedding: number;
}

/** The traffic of one step of a GPT without hooks. */
export function expectedTraffic(config: GptConfig, options: ResolvedTrainerOptions): StepTraffic {
  const { grid, chunks, microBatch, microBatches, recompute, scatterGather, wire, embeddingSync } = options;
  const { tp, pp, dp } = grid;
  const stages = pp * chunks;
  const messages = microBatches * dp * (stages - 1);
  const tokens = microBatch * config.context;
  const activation = tokens * config.width;
  const boundary = messages * activation * (wire === 'fp32' ? 4 : 2) * (scatterGather ? 1 : tp);
  const perPass = tensorNumbers(config, stages, tokens, recompute);
  const { gradients, embedding } = parameterCounts(config, options);
  const isFused = embeddingSync === 'fused' && pp > 1 && config.tied;
  return {
    'pipeline-forward': boundary,
    'pipeline-backward': boundary,
    'scatter-gather': scatterGather ? 2 * messages * activation * 4 * (tp - 1) : 0,
    tensor: allReduceBytes(tp, perPass * microBatches * dp),
    gradient: allReduceBytes(dp, gradients - (isFused ? 2 * embedding : 0)),
    embedding:
      pp > 1 && config.tied ? (isFused ? allReduceBytes(2 * dp, embedding) : allReduceBytes(2, embedding) * dp) : 0,
  };
}

function allReduceBytes(ranks: number, numbers: number): number {
  return 2 * (ranks - 1) * 4 * numbers;
}

/** Numbers that tensor ranks sum per micro-batch, over all stages. */
function tensorNumbers({ layers, width }: GptConfig, stages: number, tokens: number, recompute: boolean): number {
  const perStage = layers / stages;
  // The last stage never runs its forward twice.
  const repeated = recompute ? stages - 1 : 0;
  const blocks = 4 * layers + 2 * perStage * repeated;
  const embedding = recompute && stages > 1 ? 2 : 1;
  const head = 1;
  return tokens * width * (blocks + embedding + head) + 3 * tokens;
}

/** Parameters of all stages and tensor ranks of one replica, and those of one whole embedding table. */
function parameterCounts(
  config: GptConfig,
  { grid, chunks, microBatch, seed }: ResolvedTrainerOptions,
): { gradients: number; embedding: number } {
  const stages = grid.pp * chunks;
  const tensorParallel = { size: grid.tp, rank: 0 } as GroupTensorParallel;
  let gradients = 0;
  let embedding = 0;
  for (let stage = 0; stage < stages; stage++) {
    for (const parameter of gptStages(config)({ stage, stages, microBatch, tensorParallel, seed }).parameters) {
      const count = grid.tp * partShape(parameter, { size: grid.tp, rank: 0 }).reduce((a, b) => a * b, 1);
      gradients += count;
      if (parameter.isTied) embedding = count;
    }
  }
  return { gradients, embedding };
}
