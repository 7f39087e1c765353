/** The thread that plans batches a step ahead; started by `BackgroundBatches`. */
import { workerData } from 'node:worker_threads';
import type { BatchAnswer, BatchWorkerData } from './BatchSource.js';
import { planBatch } from './batch.js';

const { plan, port, answers } = workerData as BatchWorkerData;

port.on('message', ({ epoch, step }: { epoch: number; step: number }) => {
  let answer: BatchAnswer;
  try {
    answer = { layout: planBatch(plan, epoch, step) };
  } catch (error) {
    answer = { error: (error as Error).message };
  }
  port.postMessage(answer);
  Atomics.add(answers, 0, 1);
  Atomics.notify(answers, 0);
});
