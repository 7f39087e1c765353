import { describe, expect, it } from 'vitest';
import { hasMpi, mpirun } from './mpirun.js';

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
