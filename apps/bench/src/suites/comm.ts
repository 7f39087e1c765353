/** Suite `comm`: all-reduce on threads and MPI, beside the same call from C and beside memory copies. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { mpiAvailability } from '@strata-ml/mpi';
import type { Case, Contender, Suite } from '../harness/types.js';

const here = (name: string) => fileURLToPath(new URL(`./${name}`, import.meta.url));
const SIZES = [4096, 65_536, 1_048_576, 16_777_216, 67_108_864];
const MPI_ENV = { OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };

/** Communication of whole processes: no engine, no graph. */
export const comm: Suite = {
  name: 'comm',
  description: 'all-reduce, 4 KiB to 64 MiB, threads and MPI beside the same call from C; memory copies',
  cases: () => [...SIZES.flatMap((bytes) => [2, 4].map((ranks) => allReduceCase(bytes, ranks))), copyCase()],
};

function allReduceCase(bytes: number, ranks: number): Case {
  const repeats = bytes >= 16_777_216 ? 10 : bytes >= 1_048_576 ? 50 : 300;
  const found = mpiAvailability();
  const mpi = { ...found, version: found.version?.split(',')[0] };
  const missing = mpi.available ? undefined : mpi.reason;
  const mpirun = ['--oversubscribe', '-n', String(ranks)];
  const work = [String(ranks), String(bytes), String(repeats)];
  const contenders: Contender[] = [
    {
      name: 'threads',
      version: process.version,
      command: process.execPath,
      args: [here('allReduce.js'), 'threads', ...work],
    },
    {
      name: 'mpi',
      version: mpi.version ?? '',
      command: 'mpirun',
      args: [...mpirun, process.execPath, here('allReduce.js'), 'mpi', ...work],
      env: MPI_ENV,
      ...(missing ? { missing } : {}),
    },
    rawMpi(mpirun, bytes, repeats, mpi.version ?? '', missing),
  ];
  return {
    name: `all-reduce ${formatSize(bytes)} × ${ranks} ranks`,
    params: { bytes, ranks },
    kind: 'measured',
    unit: 's',
    contenders,
  };
}

let compiled: { path?: string; missing?: string } | undefined;

/** The same loop in C, compiled on first use. */
function rawMpi(
  mpirun: string[],
  bytes: number,
  repeats: number,
  version: string,
  missing: string | undefined,
): Contender {
  compiled ??= compile();
  const why = missing ?? compiled.missing;
  return {
    name: 'MPI from C',
    version,
    command: 'mpirun',
    args: [...mpirun, compiled.path ?? '', String(bytes), String(repeats)],
    env: MPI_ENV,
    ...(why ? { missing: why } : {}),
  };
}

function compile(): { path?: string; missing?: string } {
  const source = fileURLToPath(new URL('../native/allreduce.c', import.meta.url));
  if (!existsSync(source)) return { missing: 'native/allreduce.c is not there' };
  const path = join(mkdtempSync(join(tmpdir(), 'strata-bench-')), 'allreduce');
  try {
    execFileSync('mpicc', ['-O2', '-o', path, source], { stdio: 'pipe' });
    return { path };
  } catch {
    return { missing: 'no mpicc to compile it' };
  }
}

function copyCase(): Case {
  const contender = (threads: number): Contender => ({
    name: `copy with ${threads} thread${threads > 1 ? 's' : ''}`,
    version: process.version,
    command: process.execPath,
    args: [here('copy.js'), String(threads), '67108864'],
  });
  return {
    name: 'memory copy 64 MiB',
    params: { bytes: 67_108_864 },
    kind: 'measured',
    unit: 'bytes/s',
    contenders: [contender(1), contender(2), contender(4)],
  };
}

const formatSize = (bytes: number) => (bytes >= 1_048_576 ? `${bytes / 1_048_576} MiB` : `${bytes / 1024} KiB`);
