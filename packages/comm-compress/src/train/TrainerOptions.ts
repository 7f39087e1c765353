/** How a model is spread over ranks and trained. */
import { OptionError } from '@strata-ml/core';
import { type OptimizerSpec, optimizers } from '@strata-ml/models';
import { type EmbeddingSync, embeddingSyncs } from '../dataParallel/gradientSync.js';
import { type GridOptions, ParallelGrid } from '../grid/ParallelGrid.js';
import { type WireFormat, wireFormats } from '../pipeline/floatCodec.js';
import { type P2pMode, p2pModes, type ScheduleKind, scheduleKinds } from '../schedule/ops.js';
import type { LearningRateOptions } from './learningRate.js';
import type { LossScaling } from './lossScale.js';

/** Options of {@link createTrainer}. */
export interface TrainerOptions extends GridOptions {
  /** Samples per micro-batch. @defaultValue `4` */
  readonly microBatch?: number;
  /** Samples per step, over all replicas; a multiple of `microBatch · dp`. @defaultValue `microBatch · dp · max(1, pp)` */
  readonly globalBatch?: number;
  /** @defaultValue `'1f1b'` */
  readonly schedule?: ScheduleKind;
  /** Model chunks per rank, for `interleaved`. @defaultValue `2` with `interleaved`, else `1` */
  readonly chunks?: number;
  /** @defaultValue `'async'` */
  readonly p2p?: P2pMode;
  /** With `async`: messages that may wait on a directed link before its sender does. @defaultValue `4` */
  readonly queue?: number;
  /** Tensor ranks send their share of a boundary message. @defaultValue `true` */
  readonly scatterGather?: boolean;
  /** Keep only stage inputs between forward and backward, and compute the rest again. @defaultValue `false` */
  readonly recompute?: boolean;
  /** Begin the gradient average while backward still runs. Not together with a hook for gradients. @defaultValue `false` */
  readonly overlapGradients?: boolean;
  /** Gradients sent at once when they overlap, in bytes. @defaultValue `4194304` */
  readonly bucketBytes?: number;
  /** @defaultValue `'plain'` */
  readonly embeddingSync?: EmbeddingSync;
  /** Format of messages between stages. @defaultValue `'fp32'` */
  readonly wire?: WireFormat;
  /** @defaultValue `'dynamic'` for messages in fp16, else `'none'` */
  readonly lossScale?: LossScaling;
  /** Longest gradient norm; Infinity for no limit. @defaultValue `1` */
  readonly clip?: number;
  /** Rule and its constants; the rate comes from `learningRate`. @defaultValue adamw with weight decay 0.01 */
  readonly optimizer?: Omit<OptimizerSpec, 'lr'>;
  /** @defaultValue 1.5e-4, without warm-up or decay */
  readonly learningRate?: Partial<LearningRateOptions>;
  /** Seed of weights, data order and dropout. @defaultValue `1` */
  readonly seed?: number;
}

/** Options with defaults filled in. */
export interface ResolvedTrainerOptions extends Required<Omit<TrainerOptions, 'placement' | 'learningRate'>> {
  readonly grid: ParallelGrid;
  readonly learningRate: LearningRateOptions;
  /** Micro-batches per replica and step. */
  readonly microBatches: number;
}

/**
 * Checks options and fills in defaults.
 *
 * @throws {@link OptionError} that names the first option out of range.
 */
export function resolveTrainerOptions(options: TrainerOptions): ResolvedTrainerOptions {
  const where = 'trainer';
  const grid = new ParallelGrid(options);
  const { tp, pp, dp } = grid;
  const {
    microBatch = 4,
    globalBatch = microBatch * dp * pp,
    schedule = '1f1b',
    chunks = schedule === 'interleaved' ? 2 : 1,
    p2p = 'async',
    queue = 4,
    scatterGather = true,
    recompute = false,
    overlapGradients = false,
    bucketBytes = 4 * 2 ** 20,
    embeddingSync = 'plain',
    wire = 'fp32',
    lossScale = wire === 'fp16' ? 'dynamic' : 'none',
    clip = 1,
    optimizer = {},
    seed = 1,
  } = options;
  const { lr = 1.5e-4, minLr = 0, warmupSteps = 0, decaySteps = 0 } = options.learningRate ?? {};
  for (const [name, value] of Object.entries({ microBatch, globalBatch, chunks, queue })) {
    if (!(Number.isSafeInteger(value) && value >= 1)) throw new OptionError(where, name, value, 'a whole number ≥ 1');
  }
  if (globalBatch % (microBatch * dp) !== 0) {
    throw new OptionError(where, 'globalBatch', globalBatch, `a multiple of ${microBatch * dp}, micro-batch · dp`);
  }
  const named = { schedule: scheduleKinds, p2p: p2pModes, embeddingSync: embeddingSyncs, wire: wireFormats } as const;
  const chosen = { schedule, p2p, embeddingSync, wire };
  for (const [name, names] of Object.entries(named) as [keyof typeof named, readonly string[]][]) {
    if (!names.includes(chosen[name])) throw new OptionError(where, name, chosen[name], `one of ${names.join(', ')}`);
  }
  if (optimizer.optimizer !== undefined && !optimizers.includes(optimizer.optimizer)) {
    throw new OptionError(where, 'optimizer', optimizer.optimizer, `one of ${optimizers.join(', ')}`);
  }
  if (!(clip > 0)) throw new OptionError(where, 'clip', clip, '> 0');
  if (!(lr > 0 && minLr >= 0 && minLr <= lr)) throw new OptionError(where, 'learningRate', lr, '> 0 and ≥ minLr');
  if (!Number.isSafeInteger(seed)) throw new OptionError(where, 'seed', seed, 'a whole number');
  if (overlapGradients && embeddingSync === 'fused') {
    throw new OptionError(where, 'overlapGradients', overlapGradients, 'off with a fused embedding sync');
  }
  return {
    grid,
    tp,
    pp,
    dp,
    microBatch,
    globalBatch,
    microBatches: globalBatch / (microBatch * dp),
    schedule,
    chunks,
    p2p,
    queue,
    scatterGather,
    recompute,
    overlapGradients,
    bucketBytes,
    embeddingSync,
    wire,
    lossScale,
    clip,
    optimizer: { optimizer: 'adamw', weightDecay: 0.01, ...optimizer },
    learningRate: { lr, minLr, warmupSteps, decaySteps },
    seed,
  };
}
