/** Where a rank's seconds go: filled by exchanges, sampling and the gradient all-reduce; what is left is compute. */
import { performance } from 'node:perf_hooks';
import type { Trace, Work } from '@strata-ml/core';

/** Parts of an epoch that are timed apart: waits on links inside and between servers, on gradients, and sampling. */
export const timedParts = ['intra', 'inter', 'gradient', 'sampling'] as const;
/** One of {@link timedParts}. */
export type TimedPart = (typeof timedParts)[number];
/** Seconds by part. */
export type PartSeconds = Record<TimedPart, number>;

/** Work in flight with one peer. */
export interface PeerWork {
  readonly peer: number;
  readonly work: Work;
}

/** One rank's stop-watch; every part of the trainer adds to the same one. */
export class PhaseTimes {
  readonly #trace: Trace;
  readonly #serverOf: readonly number[];
  readonly #server: number;
  #seconds: PartSeconds = zeros();

  /** @param serverOf - server of each world rank */
  constructor(rank: number, serverOf: readonly number[], trace: Trace) {
    this.#serverOf = serverOf;
    this.#server = serverOf[rank]!;
    this.#trace = trace;
  }

  /** Runs `run` and adds its seconds to a part. */
  time<T>(part: TimedPart, run: () => T): T {
    const start = performance.now();
    try {
      return run();
    } finally {
      this.#seconds[part] += (performance.now() - start) / 1000;
    }
  }

  /** Waits for all: first for peers of my server, then for others, so that each second is charged to one link class. */
  waitAll(works: readonly PeerWork[], name: string): void {
    if (works.length === 0) return;
    this.#trace.span(name, 'wait', () => {
      for (const part of ['intra', 'inter'] as const) {
        const mine = works.filter(({ peer }) => this.linkClass(peer) === part);
        if (mine.length > 0) {
          this.time(part, () => {
            for (const { work } of mine) work.wait();
          });
        }
      }
    });
  }

  /** Link class between me and a peer. */
  linkClass(peer: number): 'intra' | 'inter' {
    return this.#serverOf[peer] === this.#server ? 'intra' : 'inter';
  }

  /** Seconds since the last call. */
  take(): PartSeconds {
    const seconds = this.#seconds;
    this.#seconds = zeros();
    return seconds;
  }
}

function zeros(): PartSeconds {
  return { intra: 0, inter: 0, gradient: 0, sampling: 0 };
}
