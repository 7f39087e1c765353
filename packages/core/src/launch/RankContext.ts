/** What a rank's entry function gets: who it is, whom it can talk to, where it computes. */
import type { ClusterSpec } from '../cluster/Cluster.js';
import type { ProcessGroup } from '../comm/ProcessGroup.js';
import type { Device } from '../device/Device.js';
import type { Rng } from '../rng.js';
import type { Trace } from '../trace/Trace.js';

/** The context of one rank. Rank order is server-major. */
export interface RankContext<E = unknown> {
  readonly rank: number;
  readonly worldSize: number;
  /** Index of my server. */
  readonly server: number;
  /** My index among the ranks of my server. */
  readonly localRank: number;
  readonly cluster: ClusterSpec;
  readonly transport: 'threads' | 'processes' | 'mpi' | (string & {});
  /** All ranks. */
  readonly world: ProcessGroup;
  /** Ranks of my server. */
  readonly serverGroup: ProcessGroup;
  /** Ranks with my local rank on every server that has one. */
  readonly crossGroup: ProcessGroup;
  readonly device: Device;
  readonly rng: Rng;
  readonly trace: Trace;
  /** Sends an event to the caller's `onEvent`, at once, even while this thread blocks later. */
  report(event: E): void;
  /** True once the caller asked to stop. Ranks see it at different times: agree with an all-reduce before acting. */
  readonly isAborting: boolean;
  /** Throws {@link AbortedError} once the caller asked to stop. */
  throwIfAborted(): void;
}

/** A rank's main function: the default export of an entry module. The same on every rank (SPMD). */
export type RankEntry<P = unknown, T = unknown, E = unknown> = (ctx: RankContext<E>, payload: P) => T | Promise<T>;
