/** What all groups of one process share. */
import type { LinkClass, TrafficLedger } from '@strata-ml/core';
import type { Mpi } from '../library/Mpi.js';
import type { Liveness } from '../liveness.js';
import type { Progress } from './MpiWork.js';

/** Shared state of the groups of one process. */
export interface GroupRuntime {
  readonly mpi: Mpi;
  readonly progress: Progress;
  readonly liveness: Liveness;
  readonly traffic: TrafficLedger;
  /** Default time-out of every call. */
  readonly timeoutMs: number;
  readonly checkComm: boolean;
  readonly maxCount: number;
  /** Link class between this process and a world rank. */
  classOf(worldRank: number): LinkClass;
  /** Rank in MPI_COMM_WORLD of a world rank (the world is ordered by server). */
  mpiRankOf(worldRank: number): number;
}
