/** Cuts a graph that is in memory, in a worker thread that Ctrl-C ends. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { AbortedError, deserializeError } from '@strata-ml/core';
import type { PartitionMessage, PartitionWork } from './partitionEntry.js';

/**
 * Runs `partitionCluster` beside this thread.
 *
 * @throws {@link AbortedError} soon after `signal` is aborted: the worker is ended where it stands, its temporary files go.
 */
export async function partitionInMemory(
  work: PartitionWork,
  signal: AbortSignal,
  onProgress: (share: number) => void,
): Promise<Int32Array> {
  const temporary = await mkdtemp(join(tmpdir(), 'strata-'));
  const worker = new Worker(new URL('./partitionEntry.js', import.meta.url), {
    workerData: work,
    env: { ...process.env, TMPDIR: temporary },
  });
  try {
    return await new Promise((resolve, reject) => {
      const stop = () => reject(new AbortedError('graph partition: interrupted before it was done'));
      if (signal.aborted) stop();
      signal.addEventListener('abort', stop, { once: true });
      worker.on('message', (message: PartitionMessage) => {
        if ('partOf' in message) resolve(message.partOf);
        else if ('error' in message) reject(deserializeError(message.error));
        else onProgress(message.placed / message.total);
      });
      worker.once('error', reject);
      worker.once('exit', (code) => reject(new Error(`graph partition: the worker ended early with ${code}`)));
    });
  } finally {
    await worker.terminate();
    await rm(temporary, { recursive: true, force: true });
  }
}
