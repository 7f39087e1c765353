/** Starts the built command under `mpirun`. */
import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outcome } from './run.js';

const bin = fileURLToPath(new URL('../bin/strata.js', import.meta.url));
/** True if MPI is installed. */
export const hasMpi = spawnSync('mpirun', ['--version']).status === 0;

/** Runs `mpirun -n ranks strata …args`. */
export function mpirun(ranks: number, args: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: '1', OMPI_ALLOW_RUN_AS_ROOT: '1', OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1' };
  const flags = ['--oversubscribe', '-n', String(ranks), process.execPath, bin, ...args];
  const child = spawn('mpirun', flags, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const outcome = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    outcome.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    outcome.stderr += chunk;
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 50_000);
  return new Promise((resolve) => {
    child.once('close', (code) => {
      clearTimeout(deadline);
      resolve({ code: code ?? -1, ...outcome });
    });
  });
}
