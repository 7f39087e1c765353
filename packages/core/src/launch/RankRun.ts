/** One run as its parent sees it, whatever its ranks are: results, the first failure, silence, aborts, the end. */
import { placeRank } from '../cluster/Cluster.js';
import { sumTraffic } from '../comm/counters.js';
import type { Fabric } from '../comm/threads/fabric.js';
import { AbortedError, deserializeError, RankFailedError } from '../errors.js';
import { toChromeTrace } from '../trace/chrome.js';
import type { RankMessage } from './messages.js';
import type { LaunchReport, LaunchRequest } from './options.js';
import { RunControl } from './RunControl.js';

type RankResult = Extract<RankMessage, { type: 'result' }>;

/** Time in which stopped ranks may run their `finally` blocks before they are ended, in ms. */
const STOP_GRACE_MS = 500;
/** How often silence is looked for, in ms. */
const WATCH_MS = 250;

/** A rank that was started. */
export interface RankHandle {
  /** Settles when it has ended. */
  readonly ended: Promise<void>;
  /** Ends it now. */
  kill(): Promise<unknown>;
}

/** What a started rank tells its run. */
export interface RankEvents {
  onMessage(message: RankMessage): void;
  /** It broke down. */
  onError(what: string, cause?: Error): void;
  /** It ended; `code` is undefined if a signal ended it. */
  onExit(code: number | undefined, signal?: string): void;
}

/** Starts one rank. */
export type StartRank = (rank: number, events: RankEvents) => RankHandle;

/** Runs all ranks to their end; leaves nothing running. */
export async function runRanks(
  request: LaunchRequest,
  fabric: Fabric,
  startRank: StartRank,
): Promise<LaunchReport<unknown>> {
  const run = new RankRun(request, fabric, startRank);
  try {
    run.start();
    return await run.finished;
  } finally {
    await run.stop();
  }
}

class RankRun {
  readonly finished: Promise<LaunchReport<unknown>>;
  readonly #request: LaunchRequest;
  readonly #fabric: Fabric;
  readonly #startRank: StartRank;
  readonly #control: RunControl;
  readonly #handles: RankHandle[] = [];
  readonly #results: (RankResult | undefined)[];
  readonly #isReady: boolean[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #hasFailed = false;
  #isSettled = false;
  #settle!: { resolve(report: LaunchReport<unknown>): void; reject(error: Error): void };

  constructor(request: LaunchRequest, fabric: Fabric, startRank: StartRank) {
    this.#request = request;
    this.#fabric = fabric;
    this.#startRank = startRank;
    this.#control = new RunControl(fabric);
    this.#results = new Array(fabric.worldSize).fill(undefined);
    this.finished = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    this.finished.catch(() => {});
  }

  start(): void {
    const { signal, heartbeatMs } = this.#request.options;
    for (let rank = 0; rank < this.#fabric.worldSize; rank++) {
      this.#handles.push(this.#startRank(rank, this.#eventsOf(rank)));
    }
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

  /** Stops all ranks that still run. Nothing is left behind. */
  async stop(): Promise<void> {
    this.#request.options.signal?.removeEventListener('abort', this.#onAbort);
    for (const timer of this.#timers) clearTimeout(timer);
    const all = Promise.all(this.#handles.map((handle) => handle.ended));
    if (this.#hasFailed) {
      let timer: NodeJS.Timeout | undefined;
      await Promise.race([all, new Promise((resolve) => (timer = setTimeout(resolve, STOP_GRACE_MS)))]);
      clearTimeout(timer);
    }
    await Promise.all(this.#handles.map((handle) => handle.kill()));
    await all;
  }

  #eventsOf(rank: number): RankEvents {
    return {
      onMessage: (message) => this.#receive(rank, message),
      onError: (what, cause) => this.#fail(rank, what, cause),
      onExit: (code, signal) => {
        if (this.#results[rank]) return;
        const isEarly = code === 0 || code === 13;
        this.#fail(
          rank,
          isEarly
            ? `ended without returning (exit code ${code}); it called process.exit or waits for a promise that never settles`
            : code === undefined
              ? `was ended by ${signal}`
              : `exited with code ${code}`,
        );
      },
    };
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
    const recordings = ranks.flatMap((r) => (r.recording ? [r.recording] : []));
    const [first] = ranks;
    const isEmulated = this.#request.cluster.links === 'emulated' && this.#fabric.links !== undefined;
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
