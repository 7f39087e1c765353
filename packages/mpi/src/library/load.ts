/** Finds and loads an MPI library at run time: STRATA_MPI_LIB, else the usual names, the launcher's family first. */
import { createRequire } from 'node:module';
import type { LibraryHandle } from 'koffi';
import { detectMpiEnvironment, type MpiFamily } from '../environment.js';
import { MpiUnavailableError } from '../errors.js';

/** A loaded library that answered as MPI. It is not initialised by this. */
export interface LoadedLibrary {
  readonly handle: LibraryHandle;
  /** Name or path it was loaded by. */
  readonly path: string;
  readonly family: MpiFamily;
  /** First line of MPI_Get_library_version, e.g. `Open MPI v4.1.4, …`. */
  readonly version: string;
}

type Sonames = Readonly<Record<MpiFamily, readonly string[]>>;

/** libmpi.so.12 is MPICH's common interface, but was also Open MPI 1.10: the symbols decide, not the name. */
const LINUX: Sonames = {
  openmpi: ['libmpi.so.40', 'libmpi.so.20', 'libmpi.so'],
  mpich: ['libmpich.so.12', 'libmpi.so.12', 'libmpich.so', 'libmpi_cray.so.12'],
};
const MACOS: Sonames = {
  openmpi: ['libmpi.40.dylib', '/opt/homebrew/lib/libmpi.40.dylib', '/usr/local/lib/libmpi.40.dylib'],
  mpich: ['libmpi.12.dylib', '/opt/homebrew/lib/libmpi.12.dylib', '/usr/local/lib/libmpi.12.dylib'],
};

/**
 * Loads the MPI library with global symbol visibility: Open MPI's plug-ins look its symbols up in the global scope.
 * Once per process; does not initialise MPI.
 *
 * @throws {@link MpiUnavailableError} with every name tried and why it failed.
 */
export function loadMpiLibrary(env: Readonly<Record<string, string | undefined>> = process.env): LoadedLibrary {
  const koffi = loadKoffi();
  const tried: string[] = [];
  for (const path of candidates(env)) {
    try {
      return identify(koffi.load(path, { global: true }), path);
    } catch (error) {
      tried.push(`${path}: ${(error as Error).message}`);
    }
  }
  throw new MpiUnavailableError(
    env.STRATA_MPI_LIB
      ? `STRATA_MPI_LIB must name an MPI library, got ${tried.join('; ')}`
      : 'no Open MPI or MPICH library was found; install one (Debian: apt-get install openmpi-bin) or set STRATA_MPI_LIB',
    { tried },
  );
}

function candidates(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  if (env.STRATA_MPI_LIB) return [env.STRATA_MPI_LIB];
  const names = process.platform === 'darwin' ? MACOS : LINUX;
  // A rank that loads another family than its launcher's would find itself alone in a world of one.
  const first = detectMpiEnvironment(env)?.family ?? 'openmpi';
  return first === 'openmpi' ? [...names.openmpi, ...names.mpich] : [...names.mpich, ...names.openmpi];
}

function identify(handle: LibraryHandle, path: string): LoadedLibrary {
  const text = new Uint8Array(8192);
  const length = new Int32Array(1);
  const getVersion = handle.func('MPI_Get_library_version', 'int', ['void*', 'void*']);
  if (getVersion(text, length) !== 0) throw new Error('MPI_Get_library_version failed');
  const version = Buffer.from(text.buffer, 0, length[0]).toString('latin1').replace(/\0/g, '').trim();
  return { handle, path, family: familyOf(handle, version), version: firstLine(version) };
}

function familyOf(handle: LibraryHandle, version: string): MpiFamily {
  if (hasSymbol(handle, 'ompi_mpi_comm_world')) return 'openmpi';
  if (/MPICH|MVAPICH|Intel|CRAY/i.test(version)) return 'mpich';
  throw new Error(`must be Open MPI or of MPICH's family, got ${JSON.stringify(firstLine(version))}`);
}

function hasSymbol(handle: LibraryHandle, name: string): boolean {
  try {
    handle.symbol(name);
    return true;
  } catch {
    return false;
  }
}

/** MPICH's version text has a line per fact; the first names it. */
function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').replace(/\s+/g, ' ').trim();
}

/** koffi is a native addon: loaded on first use, so that importing this package works where it does not load. */
export function loadKoffi(): typeof import('koffi') {
  try {
    return createRequire(import.meta.url)('koffi') as typeof import('koffi');
  } catch (cause) {
    throw new MpiUnavailableError(
      `koffi, which calls the MPI library, does not load: ${(cause as Error).message}`,
      {},
      {
        cause,
      },
    );
  }
}
