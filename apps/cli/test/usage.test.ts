import { describe, expect, it } from 'vitest';
import { problemOf, strata } from './run.js';

describe('bad usage', () => {
  it.each([
    [['frob'], "unknown command 'frob'", '--help'],
    [['data', 'lst'], "unknown command 'lst'", 'did you mean list?'],
    [['gnn', 'train', '--data', 'karate', '--epocs', '3'], "unknown option '--epocs'", 'did you mean --epochs?'],
    [['gnn', 'train'], "required option '--data <name>' not specified", '--help'],
    [['data', 'info'], "missing required argument 'name'", '--help'],
    [
      ['gnn', 'train', '--data', 'karate', '--epochs', '0'],
      '--epochs: value must be a whole number ≥ 1, got "0"',
      '--help',
    ],
    [['gnn', 'train', '--data', 'karate', '--epochs', '2.5'], 'a whole number ≥ 1, got "2.5"', '--help'],
    [['gnn', 'train', '--data', 'karate', '--dropout', '1'], '--dropout: value must be a number ≥ 0 and < 1', '--help'],
    [['gnn', 'train', '--data', 'karate', '--lr', 'fast'], '--lr: value must be a number > 0, got "fast"', '--help'],
    [['gnn', 'train', '--data', 'karate', '--model', 'gcnn'], 'one of gcn, sage, gat, res-sage, got "gcnn"', '--help'],
    [['gnn', 'train', '--data', 'karate', '--engine', 'gpu'], 'one of auto, native, tensorflow, wasm, cpu', '--help'],
    [['gnn', 'train', '--data', 'karate', '--transport', 'mpi'], '--transport mpi needs a launcher', 'mpirun -n 4'],
    [
      ['gnn', 'train', '--data', 'karate', '--partition', 'metix'],
      'frozen, grem, multilevel, metis, switching, spinner, 2ps-l, or a file',
      '--help',
    ],
    [['graph', 'partition', '--data', 'karate', '--method', 'metix', '--parts', '2'], 'one of random, hash', '--help'],
    [['graph', 'partition', '--data', 'karate'], '--parts or --cluster must be given', '--help'],
  ])('%j ends with 2, a cause and a remedy', async (args, cause, remedy) => {
    const outcome = await strata(args);
    expect(outcome.code).toBe(2);
    expect(outcome.stdout).toBe('');
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(2);
    expect(problemOf(outcome).cause).toContain(cause);
    expect(problemOf(outcome).remedy).toContain(remedy);
  });

  it('shows the verbs of an area that came without one', async () => {
    const outcome = await strata(['gnn']);
    expect(outcome.code).toBe(2);
    expect(outcome.stderr).toContain('train [options]');
    expect(problemOf(outcome).cause).toBe('a command is missing');
  });

  it('shows a stack with --debug only', async () => {
    const args = ['data', 'info', 'corra'];
    expect((await strata(args)).stderr).not.toMatch(/^ +at /m);
    expect((await strata([...args, '--debug'])).stderr).toMatch(/^ +at /m);
  });
});

describe('help and version', () => {
  it.each([[['--help']], [['gnn', '--help']], [['gnn', 'train', '--help']], [['--version']]])(
    '%j ends with 0 on stdout',
    async (args) => {
      const { code, stdout, stderr } = await strata(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).not.toBe('');
    },
  );
});
