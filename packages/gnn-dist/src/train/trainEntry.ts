/** The function every training rank runs. */
import { performance } from 'node:perf_hooks';
import { median, type RankEntry, type TrafficRow } from '@strata-ml/core';
import { importLayer } from '@strata-ml/models';
import { type PartSeconds, type TimedPart, timedParts } from '../exchange/PhaseTimes.js';
import type { EpochParts, EpochRow, TrainEvent } from '../report.js';
import { evaluationsSinceBest } from '../timeline.js';
import { Checkpoint } from './checkpoint.js';
import type { RankResult, TrainPayload } from './payload.js';
import { RankTrainer } from './RankTrainer.js';
import { trafficSince } from './traffic.js';

/** Epochs left out of timings: sessions, caches and JIT warm up in them. */
const WARM_UP_EPOCHS = 5;

const entry: RankEntry<TrainPayload, RankResult, TrainEvent> = async (ctx, payload) => {
  const { options } = payload;
  const isRoot = ctx.rank === 0;
  const start = performance.now();
  const trainer = new RankTrainer(ctx, payload, await importLayer(payload.spec));
  await trainer.mode.prepare?.();
  const checkpoint = options.checkpointDir ? new Checkpoint(options.checkpointDir, payload) : undefined;
  const resumed = options.resume && checkpoint ? checkpoint.load(trainer) : undefined;
  ctx.world.barrier({ phase: 'setup' });
  const setupTraffic = ctx.world.traffic.rows();
  trainer.takeSeconds();
  const setupSeconds = (performance.now() - start) / 1000;
  if (isRoot)
    ctx.report({ type: 'setup', engine: ctx.device.engine, kernels: ctx.device.kernels, seconds: setupSeconds });

  const rows: EpochRow[] = resumed ? [...resumed.epochs] : [];
  const seconds: number[] = [];
  const parts: PartSeconds[] = [];
  let epochTraffic: TrafficRow[] = [];
  let aborted = false;
  let epoch = resumed?.epoch ?? 0;
  const save = () => {
    const path = checkpoint?.save(trainer, { epoch, epochs: rows }, isRoot);
    if (isRoot && path) ctx.report({ type: 'checkpoint', epoch, path });
  };

  while (epoch < options.epochs && !aborted) {
    // Signals reach a process (an MPI rank) only between turns of its event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    epoch++;
    const before = ctx.world.traffic.rows();
    const epochStart = performance.now();
    const localLoss = trainer.epoch(epoch);
    const epochSeconds = (performance.now() - epochStart) / 1000;
    epochTraffic = trafficSince(before, ctx.world.traffic.rows());
    seconds.push(epochSeconds);
    parts.push(trainer.takeSeconds());

    // Ranks see an abort at different times: they stop together, where all have finished the epoch.
    const shared = Float64Array.of(localLoss, ctx.isAborting ? 1 : 0);
    ctx.world.allReduce(shared, { phase: 'metrics' });
    aborted = shared[1]! > 0;
    let row: EpochRow = { epoch, loss: shared[0]!, seconds: epochSeconds };
    if (epoch % options.evalEvery === 0 || epoch === options.epochs || aborted) {
      const scores = trainer.evaluate(epoch);
      row = { ...row, trainAccuracy: scores.train, valAccuracy: scores.val, testAccuracy: scores.test };
    }
    rows.push(row);
    if (isRoot) ctx.report({ type: 'epoch', epochs: options.epochs, ...row });
    if (evaluationsSinceBest(rows) >= options.patience) break;
    if (checkpoint && epoch % options.checkpointEvery === 0 && epoch < options.epochs && !aborted) save();
  }

  trainer.parameters.assertEqualOnAllRanks(ctx.world, 'at the end');
  save();
  const model = aborted ? undefined : checkpoint?.saveModel(trainer, isRoot);
  const result: RankResult = {
    peakBytes: trainer.peakBytes,
    setupTraffic,
    epochTraffic,
    expected: trainer.mode.expectedBytes(),
    expectedPreload: trainer.mode.expectedPreload?.() ?? { intraBytes: 0, interBytes: 0 },
    facts: trainer.mode.facts?.() ?? {},
  };
  if (!isRoot) {
    trainer.dispose();
    return result;
  }
  const skip = seconds.length > WARM_UP_EPOCHS ? WARM_UP_EPOCHS : 0;
  const root = {
    aborted,
    epochs: rows,
    parts: medianParts(seconds.slice(skip), parts.slice(skip)),
    epochSeconds: seconds.slice(skip),
    parametersHash: trainer.parameters.hash(),
    ...trainer.arrays(),
    setupSeconds,
    engine: ctx.device.engine,
    kernels: ctx.device.kernels,
    files: { ...(model ? { model } : {}), ...(checkpoint ? { checkpoint: checkpoint.path } : {}) },
  };
  trainer.dispose();
  return { ...result, root };
};

export default entry;

/** Medians of timed parts; compute is what is left of the median epoch. */
function medianParts(seconds: readonly number[], parts: readonly PartSeconds[]): EpochParts {
  const of = (part: TimedPart) => median(parts.map((p) => p[part]));
  const [intra, inter, gradient, sampling] = timedParts.map(of) as [number, number, number, number];
  const compute = Math.max(0, median(seconds) - intra - inter - gradient - sampling);
  return { compute, intra, inter, gradient, sampling, halo: intra + inter };
}
