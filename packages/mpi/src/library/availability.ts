/** Says whether MPI can be used here, for `strata doctor`. */
import type { MpiFamily } from '../environment.js';
import { loadMpiLibrary } from './load.js';

/** Answer of {@link mpiAvailability}. */
export interface MpiAvailability {
  readonly available: boolean;
  /** `openmpi` or `mpich` (the family: Intel MPI and MVAPICH count as MPICH). */
  readonly implementation?: MpiFamily;
  /** The library's own words, e.g. `Open MPI v4.1.4, package: Debian OpenMPI, …`. */
  readonly version?: string;
  /** Name or path the library was loaded by. */
  readonly library?: string;
  /** One sentence for a person: what was found, or why nothing can be used and what to do. */
  readonly reason: string;
}

/** Loads the MPI library, if there is one, and asks for its version. Does not initialise MPI. */
export function mpiAvailability(): MpiAvailability {
  try {
    const { family, version, path } = loadMpiLibrary();
    return { available: true, implementation: family, version, library: path, reason: `${version} (${path})` };
  } catch (error) {
    return { available: false, reason: (error as Error).message.replace(/^mpi: /, '') };
  }
}
