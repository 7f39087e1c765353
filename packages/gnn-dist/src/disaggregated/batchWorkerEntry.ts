/** The thread of a batch worker: draws batches, gathers their features, puts them into queues. */
import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';
import { BatchMaker, type MakerPlan } from './BatchMaker.js';
import { writeMessage } from './batchMessage.js';
import { MAKING, PENDING, type PipelineArrays, PipelineMemory, READY } from './PipelineMemory.js';
import type { ScheduledBatch } from './schedule.js';

/** What a batch worker is told when it starts. */
export interface BatchWorkerStart {
  readonly worker: number;
  readonly plan: MakerPlan;
  readonly arrays: PipelineArrays;
}

const { worker, plan, arrays } = workerData as BatchWorkerStart;
const memory = new PipelineMemory(arrays);
const maker = new BatchMaker(plan);
const { batches } = arrays.schedule;

for (let epoch = 1; ; epoch++) {
  memory.waitUntil(() => memory.epoch >= epoch);
  // The first epoch compiles.
  if (epoch === 2) memory.resetCounters('batch', worker);
  for (;;) {
    // Work may come back while the epoch lasts, that of a worker that is lost: then the version has changed.
    const { version } = memory;
    const batch = claim();
    if (batch) {
      prepare(batch, epoch, version);
      continue;
    }
    const start = performance.now();
    memory.waitUntil(() => !memory.isEpochRunning || memory.version !== version || memory.epoch > epoch);
    memory.countBatch(worker, 'idle', (performance.now() - start) / 1000);
    if (!memory.isEpochRunning || memory.epoch > epoch) break;
  }
}

/** Takes the first batch in the order of training that is mine to prepare and that nobody prepares. */
function claim(): ScheduledBatch | undefined {
  for (;;) {
    const batch = batches.find((b) => memory.stateOf(b) === PENDING && memory.makerOf(b) === worker);
    if (!batch || memory.move(batch, PENDING, MAKING + worker)) return batch;
  }
}

function prepare(batch: ScheduledBatch, epoch: number, version: number): void {
  const start = performance.now();
  const blocks = maker.draw(batch, epoch);
  const drawn = performance.now();
  const isFree = () => memory.hasRoom(batch) && Atomics.load(arrays.unacknowledged, worker) < arrays.inFlight;
  memory.waitUntil(() => isFree() || memory.version !== version);
  const free = performance.now();
  memory.countBatch(worker, 'sample', (drawn - start) / 1000);
  memory.countBatch(worker, 'blocked', (free - drawn) / 1000);
  if (!isFree()) {
    // Somebody was lost; an earlier batch may be mine now, and its trainer may be what this one waits for.
    memory.move(batch, MAKING + worker, PENDING);
    return;
  }
  const bytes = writeMessage(memory.spaceOf(batch), batch, blocks, plan.data);
  Atomics.store(arrays.madeBy, batch.id, worker);
  Atomics.add(arrays.unacknowledged, worker, 1);
  memory.move(batch, MAKING + worker, READY);
  memory.countBatch(worker, 'slice', (performance.now() - free) / 1000);
  memory.countBatch(worker, 'batches', 1);
  memory.countBatch(worker, 'rows', blocks[0]!.sources.length);
  memory.countBatch(worker, 'remoteRows', maker.remoteRows(blocks, worker));
  memory.countBatch(worker, 'bytes', bytes);
}
