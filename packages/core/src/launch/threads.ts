/** The `threads` transport: one worker thread per rank, all in one process. */
import { Worker } from 'node:worker_threads';
import { placeRank } from '../cluster/Cluster.js';
import { sumTraffic } from '../comm/counters.js';
import { createFabric } from '../comm/threads/fabric.js';
import { AbortedError, deserializeError, OptionError, RankFailedError } from '../errors.js';
import { toChromeTrace } from '../trace/chrome.js';
import { createTraceBuffer, readTrace } from '../trace/TraceBuffer.js';
import type { RankJob, RankMessage } from './messages.js';
import type { LaunchReport, LaunchRequest } from './options.js';
import { RunControl } from './RunControl.js';

type RankResult = Extract<RankMessage, { type: 'result' }>;

/** Time in which stopped ranks may run their `finally` blocks before their threads are ended, in ms. */
const STOP_GRACE_MS = 500;
/** How often silence is looked for, in ms. */
const WATCH_MS = 250;

/** Runs an entry on worker threads. */
export async function launchThreads(request: LaunchRequest): Promise<LaunchReport<unknown>> {
  const run = new ThreadRun(request);
  try {
    run.start();
    return await run.finished;
  } finally {
    await run.stop();
  }
}

class ThreadRun {
  readonly finished: Promise<LaunchReport<unknown>>;
  readonly #request: LaunchRequest;
  readonly #control: RunControl;
  readonly #jobs: readonly RankJob[];
  readonly #workers: Worker[] = [];
  readonly #exits: Promise<void>[] = [];
  readonly #results: (RankResult | undefined)[];
  readonly #isReady: boolean[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #hasFailed = false;
  #isSettled = false;
  #settle!: { resolve(report: LaunchReport<unknown>): void; reject(error: Error): void };

  constructor(request: LaunchRequest) {
    const { cluster, entry, payload, options } = request;
    const fabric = createFabric(cluster);
    this.#request = request;
    this.#control = new RunControl(fabric);
    this.#results = new Array(fabric.worldSize).fill(undefined);
    this.#jobs = fabric.serverOf.map((server, rank) => ({
      rank,
      cluster,
      fabric,
      entry: entry.href,
      payload,
      engine: options.engine,
      seed: options.seed,
      timeoutMs: options.timeoutMs,
      checkComm: options.checkComm,
      ...(options.trace
        ? {
            traceBuffer: createTraceBuffer({
              rank,
              server,
              localRank: placeRank(cluster, rank).localRank,
              capacity: options.traceCapacity,
            }),
          }
        : {}),
    }));
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.finished.catch(() => {});
  }

  start(): void {
    const { signal, heartbeatMs } = this.#request.options;
    for (const job of this.#jobs) this.#startRank(job);
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (heartbeatMs > 0) {
      const watch = setInterval(() => {
        const silent = this.#control.silentRanks(performance.now(), heartbeatMs);
        // Loading an engine is silent work; who never ends it is named by the ranks that wait for the start.
        const rank = silent.find((r) => this.#isReady[r] && !this.#results[r]);
        if (rank !== undefined) this.#fail(rank, `showed no sign of life for ${heartbeatMs} ms`);
      }, WATCH_MS);
      watch.unref();
      this.#timers.push(watch);
    }
  }

  /** Stops all threads that still run. Nothing is left behind. */
  async stop(): Promise<void> {
    this.#request.options.signal?.removeEventListener('abort', this.#onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
    const all = Promise.all(this.#exits);
    if (this.#hasFailed) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([all, new Promise((resolve) => (timer = setTimeout(resolve, STOP_GRACE_MS)))]);
      clearTimeout(timer);
    }
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
    await all;
  }

  #startRank(job: RankJob): void {
    const { heapMb } = this.#request.options;
    let worker: Worker;
    try {
      worker = new Worker(new URL('./rankWorker.js', import.meta.url), {
        workerData: job,
        name: `rank ${job.rank}`,
        ...(heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }),
      });
    } catch (cause) {
      if ((cause as Error).name !== 'DataCloneError') throw cause;
      throw new OptionError('launch', 'payload', (cause as Error).message, 'plain data that can be posted to a thread');
    }
    this.#workers.push(worker);
    this.#exits.push(new Promise((resolve) => worker.once('exit', () => resolve())));
    worker.on('message', (message: RankMessage) => this.#receive(job.rank, message));
    worker.on('error', (error) => {
      const isHeap = (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY';
      this.#fail(job.rank, isHeap ? 'ran out of JavaScript heap; raise heapMb' : error.message, error);
    });
    worker.on('exit', (code) => {
      if (!this.#results[job.rank]) {
        this.#fail(
          job.rank,
          code === 0 || code === 13
            ? `ended without returning (exit code ${code}); it called process.exit or waits for a promise that never settles`
            : `exited with code ${code}`,
        );
      }
    });
  }

  #receive(rank: number, message: RankMessage): void {
    if (this.#isSettled) return;
    if (message.type === 'ready') this.#isReady[rank] = true;
    else if (message.type === 'event') {
      try {
        this.#request.options.onEvent?.(message.event, rank);
      } catch (error) {
        // The caller's own callback failed: its error, not a rank's.
        this.#end(() => this.#settle.reject(error as Error));
      }
    } else if (message.type === 'failure') {
      const error = deserializeError(message.error);
      if (error instanceof AbortedError && this.#request.options.signal?.aborted) this.#abort();
      else this.#fail(rank, error.message, error);
    } else if (message.type === 'result') {
      this.#results[rank] = message;
      if (this.#results.every((r) => r !== undefined)) this.#complete(this.#results);
    }
  }

  #complete(ranks: readonly RankResult[]): void {
    this.#isSettled = true;
    const trafficByRank = ranks.map((r) => r.traffic);
    const recordings = this.#jobs.flatMap((job) => (job.traceBuffer ? [readTrace(job.traceBuffer)] : []));
    const [first] = ranks;
    const isEmulated = this.#request.cluster.links === 'emulated' && this.#jobs[0]?.fabric.links !== undefined;
    this.#settle.resolve({
      results: ranks.map((r) => r.result),
      traffic: sumTraffic(trafficByRank),
      trafficByRank,
      peakBytes: ranks.map((r) => r.peakBytes),
      stagingPeakBytes: ranks.map((r) => r.stagingPeakBytes),
      aborted: this.#request.options.signal?.aborted ?? false,
      ...(first?.engine ? { engine: first.engine } : {}),
      ...(recordings.length > 0
        ? { recordings, trace: toChromeTrace(recordings, { kind: isEmulated ? 'emulated' : 'measured' }) }
        : {}),
    });
  }

  #fail(rank: number, what: string, cause?: Error): void {
    const { server, localRank: device } = placeRank(this.#request.cluster, rank);
    const phase = this.#control.phaseOf(rank);
    this.#end(() => {
      const error = new RankFailedError(
        `launch: rank ${rank} (server ${server}, device ${device}) failed in ${phase}: ${what}`,
        { rank, server, device, phase },
        cause ? { cause } : {},
      );
      this.#settle.reject(error);
    });
  }

  #abort(): void {
    this.#end(() => this.#settle.reject(new AbortedError('launch: aborted by the caller')), 'abortForced');
  }

  /** The first cause wins; the other ranks' waits end. */
  #end(reject: () => void, state: 'abortForced' | 'failed' = 'failed'): void {
    if (this.#isSettled) return;
    this.#isSettled = true;
    this.#hasFailed = true;
    reject();
    this.#control.stop(state);
  }

  readonly #onAbort = (): void => {
    const { abortGraceMs } = this.#request.options;
    this.#control.requestAbort();
    const timer = setTimeout(() => this.#abort(), abortGraceMs);
    this.#timers.push(timer);
  };
}
