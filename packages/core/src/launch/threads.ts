/** The `threads` transport: one worker thread per rank, all in one process. */
import { Worker } from 'node:worker_threads';
import { createFabric } from '../comm/threads/fabric.js';
import { OptionError } from '../errors.js';
import { jobsOf, type RankMessage } from './messages.js';
import type { LaunchReport, LaunchRequest } from './options.js';
import { runRanks } from './RankRun.js';

/** Runs an entry on worker threads. */
export async function launchThreads(request: LaunchRequest): Promise<LaunchReport<unknown>> {
  const { heapMb } = request.options;
  const fabric = createFabric(request.cluster);
  const job = jobsOf(request, fabric);
  return runRanks(request, fabric, (rank, events) => {
    let worker: Worker;
    try {
      worker = new Worker(new URL('./rankWorker.js', import.meta.url), {
        workerData: job(rank),
        name: `rank ${rank}`,
        ...(heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
      });
    } catch (cause) {
      if ((cause as Error).name !== 'DataCloneError') throw cause;
      throw new OptionError('launch', 'payload', (cause as Error).message, 'plain data that can be posted to a thread');
    }
    const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
    worker.on('message', (message: RankMessage) => events.onMessage(message));
    worker.on('error', (error) => {
      const isHeap = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      events.onError(isHeap ? 'ran out of JavaScript heap; raise heapMb' : error.message, error);
    });
    worker.on('exit', (code) => events.onExit(code));
    return { ended, kill: () => worker.terminate() };
  });
}
