/** Recognises that this process was started as one rank of an MPI job, from the variables its launcher set. */

/** Which MPI family a launcher speaks to; `any` when both can answer it (Slurm with PMI-2 or PMIx). */
export type MpiFamily = 'openmpi' | 'mpich';

/** What the launcher said about this process. */
export interface MpiEnvironment {
  /** Who started it, e.g. `Open MPI mpirun`. */
  readonly launcher: string;
  /** The MPI family that understands this launcher, where only one does. */
  readonly family?: MpiFamily;
  /** Rank in the world. */
  readonly rank: number;
  /** Ranks in the world; undefined where the launcher does not say. */
  readonly size?: number;
}

type Variables = Readonly<Record<string, string | undefined>>;

interface Launcher {
  readonly launcher: string;
  readonly family?: MpiFamily;
  readonly rank: string;
  readonly size?: string;
  /** Further variable that must be set: without it the rank variable can have another meaning. */
  readonly needs?: string;
}

/** In order of trust: an mpirun inside a Slurm allocation also sees SLURM_*, so Slurm comes last. */
const LAUNCHERS: readonly Launcher[] = [
  { launcher: 'Open MPI mpirun', family: 'openmpi', rank: 'OMPI_COMM_WORLD_RANK', size: 'OMPI_COMM_WORLD_SIZE' },
  { launcher: 'MVAPICH mpirun', family: 'mpich', rank: 'MV2_COMM_WORLD_RANK', size: 'MV2_COMM_WORLD_SIZE' },
  { launcher: 'PMI (MPICH mpiexec or compatible)', family: 'mpich', rank: 'PMI_RANK', size: 'PMI_SIZE' },
  { launcher: 'PMIx', rank: 'PMIX_RANK' },
  { launcher: 'Slurm srun', rank: 'SLURM_PROCID', size: 'SLURM_NTASKS', needs: 'SLURM_STEP_ID' },
];

/**
 * Reads the rank from the variables of mpirun (Open MPI, MPICH, MVAPICH, Intel MPI), PMIx or srun.
 *
 * `STRATA_MPI=off` switches it off: then a process under mpirun runs alone. srun of a single task without an MPI plug-in
 * is not an MPI job: SLURM_PROCID counts only for steps of two tasks or more.
 *
 * @param env - variables to read @defaultValue `process.env`
 * @returns undefined when no launcher started this process
 */
export function detectMpiEnvironment(env: Variables = process.env): MpiEnvironment | undefined {
  if (env.STRATA_MPI === 'off') return undefined;
  for (const { launcher, family, rank, size, needs } of LAUNCHERS) {
    const rankValue = count(env[rank]);
    if (rankValue === undefined) continue;
    if (needs !== undefined && env[needs] === undefined) continue;
    const sizeValue = size === undefined ? undefined : count(env[size]);
    if (rank === 'SLURM_PROCID' && (sizeValue ?? 1) < 2) continue;
    return {
      launcher,
      ...(family === undefined ? {} : { family }),
      rank: rankValue,
      ...(sizeValue === undefined ? {} : { size: sizeValue }),
    };
  }
  return undefined;
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
