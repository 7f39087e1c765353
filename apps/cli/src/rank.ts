/** Which rank of an MPI job this process is. Only rank 0 talks to the terminal and writes results. */

/** This process in its MPI job; alone, it is rank 0 of 1. */
export interface Rank {
  readonly rank: number;
  /** Undefined where the launcher does not say. */
  readonly size: number | undefined;
  readonly isRoot: boolean;
  /** True under mpirun, mpiexec or srun. */
  readonly isMpi: boolean;
}

/** Reads the rank from what mpirun, mpiexec or srun put into the environment. */
export async function currentRank(): Promise<Rank> {
  const { detectMpiEnvironment } = await import('@strata-ml/mpi');
  const found = detectMpiEnvironment();
  if (!found) return { rank: 0, size: 1, isRoot: true, isMpi: false };
  return { rank: found.rank, size: found.size, isRoot: found.rank === 0, isMpi: true };
}
