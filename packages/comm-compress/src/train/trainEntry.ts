/** The function every rank of a language model's training runs. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { RankContext, RankEntry } from '@strata-ml/core';
import { saveGpt } from '@strata-ml/models';
import { Checkpoint } from '../checkpoint/Checkpoint.js';
import { gatherModel, hashModel, type WholeModel } from '../checkpoint/gather.js';
import { gptStages } from '../stages/gptStages.js';
import { tokenBatches } from './BatchSource.js';
import { createTrainer } from './createTrainer.js';
import { importHooks } from './importHooks.js';
import { medianSeconds } from './medianSeconds.js';
import type { LanguageModelPayload, LanguageModelRankResult } from './payload.js';
import type { LanguageModelEvent, StepRow } from './report.js';
import type { StepSeconds } from './StepReport.js';
import { resolveTrainerOptions } from './TrainerOptions.js';
import { trafficSince } from './traffic.js';

/** Steps left out of timings: caches and JIT warm up in them. */
const WARM_UP_STEPS = 3;

type Context = RankContext<LanguageModelEvent>;

const entry: RankEntry<LanguageModelPayload, LanguageModelRankResult, LanguageModelEvent> = async (ctx, payload) => {
  const { config, options, steps, checkpointDir } = payload;
  const { world, device } = ctx;
  const isRoot = ctx.rank === 0;
  const start = performance.now();
  const { seed = 1 } = options;
  const { train, validation } = payload;
  const hooks = await importHooks(payload.hooks, resolveTrainerOptions(options), ctx.rank);
  const trainer = createTrainer(
    ctx,
    {
      model: gptStages(config),
      data: tokenBatches({ train, context: config.context, seed, ...(validation ? { validation } : {}) }),
      ...(hooks ? { hooks: () => hooks } : {}),
    },
    options,
  );
  const checkpoint = checkpointDir ? new Checkpoint(checkpointDir, world, payload.fingerprint) : undefined;
  const resumed = payload.resume ? checkpoint?.load(trainer) : undefined;
  const rows: StepRow[] = resumed ? [...(resumed.extra as StepRow[])] : [];
  world.barrier({ phase: 'setup' });
  const setupSeconds = (performance.now() - start) / 1000;
  if (isRoot) {
    ctx.report({ type: 'setup', engine: device.engine, kernels: device.kernels, seconds: setupSeconds });
    if (resumed) {
      ctx.report({ type: 'resumed', step: trainer.iteration, hasDroppedHooks: resumed.hasDroppedHooks });
    }
  }

  const parts: StepSeconds[] = [];
  let stepTraffic = world.traffic.rows();
  let aborted = false;
  const tokens = trainer.options.globalBatch * config.context;
  while (trainer.iteration < steps && !aborted) {
    // Signals reach a process (an MPI rank) only between turns of its event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const before = world.traffic.rows();
    const report = trainer.step();
    stepTraffic = trafficSince(before, world.traffic.rows());
    parts.push(report.seconds);
    const step = trainer.iteration;
    const sums = sumOverRanks(
      ctx,
      stepTraffic.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    aborted = sums.aborting;
    const isEvaluated = validation !== undefined && (step % payload.evaluateEvery === 0 || step === steps || aborted);
    const row: StepRow = {
      step,
      loss: report.loss,
      seconds: report.seconds.total,
      bytes: sums.bytes,
      learningRate: report.learningRate,
      gradientNorm: report.gradientNorm,
      ...(isEvaluated ? { valLoss: trainer.evaluate(payload.evaluationSamples) } : {}),
    };
    rows.push(row);
    if (isRoot) ctx.report({ type: 'step', steps, tokensPerSecond: tokens / row.seconds, ...row });
    const isDue = step % payload.checkpointEvery === 0 || step === steps || aborted;
    if (checkpoint && isDue) {
      await checkpoint.save(trainer, rows);
      if (isRoot) ctx.report({ type: 'checkpoint', step, path: checkpoint.path });
    }
  }

  const timedSteps = parts.slice(parts.length > WARM_UP_STEPS ? WARM_UP_STEPS : 0);
  const weights = gatherModel(trainer, world);
  const result: LanguageModelRankResult = {
    peakBytes: device.memory.peakBytes,
    parameters: trainer.parameters.values.length,
    parts: medianSeconds(timedSteps),
    stepTraffic,
  };
  trainer.dispose();
  if (!weights) return result;
  const model = checkpointDir ? saveModel(checkpointDir, weights, payload) : undefined;
  return {
    ...result,
    root: {
      aborted,
      steps: rows,
      stepSeconds: timedSteps.map(({ total }) => total),
      weights,
      parametersHash: hashModel(weights),
      setupSeconds,
      engine: device.engine,
      kernels: device.kernels,
      files: { ...(model ? { model } : {}), ...(checkpoint ? { checkpoint: checkpoint.path } : {}) },
    },
  };
};

export default entry;

/** Ranks see an abort at different times: they stop together, where all have finished the step. */
function sumOverRanks(ctx: Context, ownBytes: number): { bytes: number; aborting: boolean } {
  const shared = Float64Array.of(ownBytes, ctx.isAborting ? 1 : 0);
  ctx.world.allReduce(shared, { phase: 'metrics' });
  return { bytes: shared[0]!, aborting: shared[1]! > 0 };
}

/** The whole model in one file, for use. */
function saveModel(folder: string, weights: WholeModel, { config, tokenizer }: LanguageModelPayload): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'model.safetensors');
  saveGpt(path, { config, weights, tokenizer });
  return path;
}
