/** The function every compute worker runs. */
import { performance } from 'node:perf_hooks';
import type { RankEntry, TrafficRow } from '@strata-ml/core';
import type { EpochRow, NamedArray } from '../report.js';
import { evaluationsSinceBest } from '../timeline.js';
import type { TrainPayload } from '../train/payload.js';
import { trafficSince } from '../train/traffic.js';
import type { MakerPlan } from './BatchMaker.js';
import { ComputeWorker } from './ComputeWorker.js';
import type { Layout, SyncKind } from './options.js';
import type { PipelineArrays } from './PipelineMemory.js';
import type { DisaggregatedEvent } from './report.js';
import type { SharedModelArrays } from './SharedModel.js';

/** Entry payload of a compute worker. */
export interface ComputePayload {
  readonly train: TrainPayload;
  readonly plan: MakerPlan;
  readonly arrays: PipelineArrays;
  readonly layout: Layout;
  readonly sync: SyncKind;
  readonly shared: SharedModelArrays | undefined;
}

/** What a compute worker returns; only rank 0 fills `root`. */
export interface ComputeResult {
  readonly hash: string;
  readonly peakBytes: number;
  readonly epochTraffic: readonly TrafficRow[];
  readonly root?: {
    readonly aborted: boolean;
    readonly epochs: readonly EpochRow[];
    readonly weights: Record<string, NamedArray>;
    readonly buffers: Record<string, NamedArray>;
    readonly engine: string;
    readonly kernels: string;
  };
}

const entry: RankEntry<ComputePayload, ComputeResult, DisaggregatedEvent> = async (ctx, payload) => {
  const { epochs, evalEvery, patience } = payload.train.options;
  const isRoot = ctx.rank === 0;
  const start = performance.now();
  const worker = new ComputeWorker(ctx, payload);
  const { memory } = worker;
  ctx.world.barrier({ phase: 'setup' });
  const { engine, kernels } = ctx.device;
  if (isRoot) ctx.report({ type: 'setup', engine, kernels, seconds: (performance.now() - start) / 1000 });

  const rows: EpochRow[] = [];
  let epochTraffic: TrafficRow[] = [];
  let stopped = false;
  let aborted = false;
  for (let epoch = 1; epoch <= epochs && !stopped; epoch++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    if (epoch === 2) memory.resetCounters('compute', ctx.rank);
    // One worker starts the epoch for all; it is started, or there is none.
    const goesOn = Int32Array.of(isRoot && !memory.startEpoch() ? 1 : 0);
    ctx.world.allReduce(goesOn, { op: 'max', phase: 'metrics' });
    if (goesOn[0] === 1) break;
    const before = ctx.world.traffic.rows();
    const epochStart = performance.now();
    const { sum, seeds } = worker.epoch(epoch);
    const seconds = (performance.now() - epochStart) / 1000;
    epochTraffic = trafficSince(before, ctx.world.traffic.rows());

    const shared = Float64Array.of(sum, seeds, ctx.isAborting ? 1 : 0, memory.hasFailed ? 1 : 0);
    ctx.world.allReduce(shared, { phase: 'metrics' });
    aborted = shared[2]! > 0;
    stopped = aborted || shared[3]! > 0;
    let row: EpochRow = { epoch, loss: shared[0]! / Math.max(1, shared[1]!), seconds };
    if (epoch % evalEvery === 0 || epoch === epochs || stopped) {
      const scores = worker.evaluate(epoch);
      row = { ...row, trainAccuracy: scores.train, valAccuracy: scores.val, testAccuracy: scores.test };
    }
    rows.push(row);
    if (isRoot) ctx.report({ type: 'epoch', epochs, ...row });
    if (evaluationsSinceBest(rows) >= patience) break;
  }
  const hash = worker.parameters.hash();
  const result = { hash, peakBytes: ctx.device.memory.peakBytes, epochTraffic };
  const weights = worker.parameters.named();
  const buffers = Object.fromEntries(
    worker.model.state().map(({ name, data }) => [name, { shape: [data.length], data: data.slice() }]),
  );
  worker.dispose();
  return isRoot ? { ...result, root: { aborted, epochs: rows, weights, buffers, engine, kernels } } : result;
};

export default entry;
