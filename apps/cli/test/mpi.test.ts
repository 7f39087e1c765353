import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Outcome } from './run.js';

const bin = fileURLToPath(new URL('../bin/strata.js', import.meta.url));
const hasMpi = spawnSync('mpirun', ['--version']).status === 0;

/** Runs `mpirun -n ranks strata …args`. */
function mpirun(ranks: number, args: readonly string[]): Promise<Outcome> {
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

describe.skipIf(!hasMpi)('strata under mpirun', () => {
  const train = ['gnn', 'train', '--data', 'karate', '--hidden', '8', '--epochs', '3', '--cluster', '1x2'];

  it('trains with one rank a process, and one of them speaks', async () => {
    const { code, stdout, stderr } = await mpirun(2, [...train, '--json', '-']);
    expect(code, stderr).toBe(0);
    const result = JSON.parse(stdout); // two results in a row would not parse
    expect(result).toMatchObject({ status: 'ok', labels: { links: 'measured' }, config: { transport: 'mpi' } });
    expect(result.metrics.peakDeviceBytes).toHaveLength(2);
  });

  it('tells a bad flag once', async () => {
    const { code, stderr } = await mpirun(2, [...train, '--epochs', '0']);
    expect(code).not.toBe(0);
    expect(stderr.match(/strata: --epochs/g)).toHaveLength(1);
  });

  it('refuses a cluster of another size than the job', async () => {
    const { code, stderr } = await mpirun(2, [...train, '--cluster', '1x3']);
    expect(code).not.toBe(0);
    expect(stderr.match(/^strata: .*\b3\b/gm)).toHaveLength(1);
  });
});
