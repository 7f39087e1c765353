/** Refreshes snapshots on a thread of its own: it fills a second copy, and the sampler takes that between two calls. */
import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { StrataError } from '@strata-ml/core';
import type { AdjacencyLocation, AdjacencyStore } from './AdjacencyStore.js';
import type { RefreshOptions } from './refreshSnapshots.js';
import { emptyEntries, type SnapshotCache, type SnapshotMemory } from './SnapshotCache.js';

/** What the thread is told when it starts. */
export interface RefreshWorkerData {
  readonly location: AdjacencyLocation;
  readonly options: RefreshOptions;
  readonly seed: number;
  readonly port: MessagePort;
}

/** One refresh to make: `spare[i]` from the lists that `active[i]` holds. */
export interface RefreshJob {
  readonly call: number;
  readonly active: readonly SnapshotMemory[];
  readonly spare: readonly Int32Array[];
}

/** The answer to a job. */
export type RefreshAnswer =
  | { readonly call: number; readonly builtAt: readonly number[]; readonly storageBytes: number }
  | { readonly error: string };

/** The sampler's side. Only the thread that samples may use it. */
export class BackgroundRefresh {
  readonly #caches: readonly SnapshotCache[];
  readonly #worker: Worker;
  readonly #port: MessagePort;
  #spare: readonly Int32Array[];
  #isBusy = false;
  /** Bytes that the thread has read. */
  storageBytes = 0;

  constructor(store: AdjacencyStore, caches: readonly SnapshotCache[], options: RefreshOptions, seed: number) {
    const { port1, port2 } = new MessageChannel();
    this.#caches = caches;
    this.#port = port1;
    this.#spare = caches.map(({ memory }) => emptyEntries(memory.entries.length));
    const workerData: RefreshWorkerData = { location: store.location, options, seed, port: port2 };
    this.#worker = new Worker(new URL('./refreshWorker.js', import.meta.url), { workerData, transferList: [port2] });
    this.#worker.unref();
    port1.unref();
  }

  /** Bytes of the second copy. */
  get bytes(): number {
    return this.#spare.reduce((sum, entries) => sum + entries.byteLength, 0);
  }

  /** Asks for a refresh, unless one is being made. Never blocks. */
  start(call: number): void {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const job: RefreshJob = { call, active: this.#caches.map(({ memory }) => memory), spare: this.#spare };
    this.#port.postMessage(job);
  }

  /**
   * Puts a finished refresh in place: an exchange of references. Never blocks.
   *
   * @throws {@link StrataError} if the thread failed.
   */
  flip(): void {
    const answer = receiveMessageOnPort(this.#port)?.message as RefreshAnswer | undefined;
    if (!answer) return;
    if ('error' in answer) throw new StrataError('ERR_STRATA_SAMPLING', `snapshot refresh: ${answer.error}`);
    const old = this.#caches.map(({ memory }) => memory.entries);
    this.#caches.forEach((cache, i) => void cache.flip(this.#spare[i]!, answer.builtAt[i]!));
    this.#spare = old;
    this.#isBusy = false;
    this.storageBytes += answer.storageBytes;
  }

  dispose(): void {
    this.#port.close();
    void this.#worker.terminate();
  }
}
