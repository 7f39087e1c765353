/** What all groups of one process share. */
import type { TrafficLedger } from '@strata-ml/core';
import type { Mpi } from '../library/Mpi.js';
import type { Liveness } from '../liveness.js';
import type { Progress } from './MpiWork.js';
import type { SharedCells } from './SharedCells.js';

/** Shared state of the groups of one process. */
export interface GroupRuntime {
  readonly mpi: Mpi;
  readonly progress: Progress;
  readonly liveness: Liveness;
  /** Counters of the ranks on this host. */
  readonly shared: SharedCells | undefined;
  readonly traffic: TrafficLedger;
  /** Default time-out of every call. */
  readonly timeoutMs: number;
  readonly checkComm: boolean;
  readonly maxCount: number;
  /** Largest tag of a user's message. */
  readonly maxTag: number;
  /** Whether `allReduce` with `algorithm: 'auto'` goes by server. */
  readonly prefersHierarchical: boolean;
  /** Server of a world rank. */
  serverOf(worldRank: number): number;
  /** Rank in MPI_COMM_WORLD of a world rank (the world is ordered by server). */
  mpiRankOf(worldRank: number): number;
}
