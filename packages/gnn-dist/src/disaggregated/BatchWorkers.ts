/** The threads of the batch workers, and what happens when one is lost. */
import { Worker } from 'node:worker_threads';
import type { MakerPlan } from './BatchMaker.js';
import type { BatchWorkerStart } from './batchWorkerEntry.js';
import type { LossPolicy } from './options.js';
import type { PipelineMemory } from './PipelineMemory.js';
import type { WorkerLoss } from './report.js';
import { seedsOfBatch } from './schedule.js';

/** Starts batch workers and watches over them. */
export class BatchWorkers {
  readonly losses: WorkerLoss[] = [];
  readonly #workers: readonly Worker[];
  #isStopping = false;

  constructor(
    memory: PipelineMemory,
    plan: MakerPlan,
    policy: LossPolicy,
    count: number,
    onLoss: (loss: WorkerLoss) => void,
  ) {
    this.#workers = Array.from({ length: count }, (_, worker) => {
      const workerData: BatchWorkerStart = { worker, plan, arrays: memory.arrays };
      const thread = new Worker(new URL('./disaggregatedBatchWorker.js', import.meta.url), { workerData });
      let reason = 'its thread ended';
      thread.on('error', (error) => {
        reason = error.message;
      });
      thread.on('exit', () => {
        if (this.#isStopping) return;
        const epoch = memory.epoch;
        const left = memory.bury(worker, policy);
        const seeds = left.reduce((sum, b) => sum + seedsOfBatch(b, plan.seedLists, plan.seed, epoch).length, 0);
        const batches = left.map(({ id }) => id);
        const loss = { worker, epoch, batches, seeds, requeued: !memory.hasFailed, reason };
        this.losses.push(loss);
        onLoss(loss);
      });
      return thread;
    });
  }

  /** Ends the thread of a batch worker, as a crash would. */
  async kill(worker: number): Promise<void> {
    await this.#workers[worker]?.terminate();
  }

  /** Ends all threads. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#workers.map((thread) => thread.terminate()));
  }
}
