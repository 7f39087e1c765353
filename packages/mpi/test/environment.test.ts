import { OptionError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { detectMpiEnvironment } from '../src/environment.js';
import { layOut } from '../src/world.js';

describe('detectMpiEnvironment', () => {
  it.each([
    ['nothing', {}, undefined],
    ['Open MPI', { OMPI_COMM_WORLD_RANK: '2', OMPI_COMM_WORLD_SIZE: '4', PMIX_RANK: '2' }, [2, 4, 'openmpi']],
    ['MPICH', { PMI_RANK: '1', PMI_SIZE: '2' }, [1, 2, 'mpich']],
    ['MVAPICH', { MV2_COMM_WORLD_RANK: '0', MV2_COMM_WORLD_SIZE: '8' }, [0, 8, 'mpich']],
    ['PMIx alone', { PMIX_RANK: '3' }, [3, undefined, undefined]],
    ['srun', { SLURM_PROCID: '5', SLURM_NTASKS: '6', SLURM_STEP_ID: '0' }, [5, 6, undefined]],
    [
      'mpirun in a Slurm job',
      {
        OMPI_COMM_WORLD_RANK: '1',
        OMPI_COMM_WORLD_SIZE: '2',
        SLURM_PROCID: '0',
        SLURM_NTASKS: '4',
        SLURM_STEP_ID: '0',
      },
      [1, 2, 'openmpi'],
    ],
    ['a batch script, which is no step', { SLURM_PROCID: '0', SLURM_NTASKS: '4' }, undefined],
    ['srun of one task', { SLURM_PROCID: '0', SLURM_NTASKS: '1', SLURM_STEP_ID: '0' }, undefined],
    ['switched off', { OMPI_COMM_WORLD_RANK: '2', OMPI_COMM_WORLD_SIZE: '4', STRATA_MPI: 'off' }, undefined],
    ['not a number', { PMI_RANK: 'x' }, undefined],
  ])('reads %s', (_, env, expected) => {
    const found = detectMpiEnvironment(env);
    expect(found && [found.rank, found.size, found.family]).toEqual(expected);
  });
});

describe('layOut', () => {
  it('numbers ranks server-major, whatever order mpirun placed them in', () => {
    const layout = layOut(['b', 'a', 'b', 'a'], [2, 2], 'auto');
    expect(layout).toEqual({
      devicesPerServer: [2, 2],
      serverHosts: ['b', 'a'],
      mpiRanks: [0, 2, 1, 3],
      serverOf: [0, 0, 1, 1],
    });
  });

  it('takes declared servers on one host, and hosts without a declaration', () => {
    expect(layOut(['a', 'a', 'a'], [2, 1], 'auto')).toMatchObject({ serverOf: [0, 0, 1], serverHosts: ['a', 'a'] });
    expect(layOut(['a', 'b', 'a'], undefined, 'auto')).toMatchObject({ devicesPerServer: [2, 1], mpiRanks: [0, 2, 1] });
    expect(layOut(['a', 'b'], [2], 'cluster')).toMatchObject({ devicesPerServer: [2], mpiRanks: [0, 1] });
  });

  it('refuses a cluster that is not the job', () => {
    expect(() => layOut(['a', 'a'], [2, 2], 'auto')).toThrow(OptionError);
    expect(() => layOut(['a', 'a'], [2, 2], 'auto')).toThrow('start mpirun -n 4');
    expect(() => layOut(['a', 'a', 'b', 'b'], [4], 'auto')).toThrow('[2, 2]');
    expect(() => layOut(['a', 'a', 'b', 'b'], [1, 3], 'hosts')).toThrow(OptionError);
  });
});
