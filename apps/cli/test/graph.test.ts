import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemOf, strata } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-cli-graph-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('graph partition', () => {
  it('writes one part a line whose cut is the one reported', async () => {
    const file = join(folder, 'path.txt');
    const out = join(folder, 'parts.txt');
    writeFileSync(file, '0 1\n1 2\n2 3\n3 4\n4 5\n');
    const { code, stdout } = await strata([
      'graph',
      'partition',
      '--data',
      file,
      '--method',
      'range',
      '--parts',
      '2',
      '--out',
      out,
      '--json',
      '-',
    ]);
    expect(code).toBe(0);
    expect(readFileSync(out, 'utf8').trim().split('\n')).toEqual(['0', '0', '0', '1', '1', '1']);
    const { metrics } = JSON.parse(stdout);
    expect(metrics).toMatchObject({ edgeCut: 1, cutRatio: 0.2, communicationVolume: 2, balance: 1 });
    expect(metrics.peakRssBytes).toBeGreaterThan(10e6);
  });

  it('splits over servers first with --cluster', async () => {
    const { stdout } = await strata(['graph', 'partition', '--data', 'karate', '--cluster', '2x2', '--json', '-']);
    expect(JSON.parse(stdout).metrics).toMatchObject({ parts: 4, servers: 2 });
  });

  it('gives the same parts for the same seed', async () => {
    const parts = async (seed: string) => {
      const out = join(folder, `seed${seed}.txt`);
      await strata([
        'graph',
        'partition',
        '--data',
        'karate',
        '--method',
        'random',
        '--parts',
        '4',
        '--seed',
        seed,
        '--out',
        out,
      ]);
      return readFileSync(out, 'utf8');
    };
    expect(await parts('7')).toBe(await parts('7'));
    expect(await parts('7')).not.toBe(await parts('8'));
  });

  it.each([
    ['more parts than vertices', ['--data', 'karate', '--parts', '35'], 'at most 34'],
    ['a graph that is not there', ['--data', 'nowhere', '--parts', '2'], 'nowhere'],
    [
      'an output folder that is not there',
      ['--data', 'karate', '--parts', '2', '--out', '/nonexistent/p.txt'],
      'existing folder',
    ],
  ])('refuses %s', async (_, args, cause) => {
    const outcome = await strata(['graph', 'partition', ...args]);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome).cause).toContain(cause);
  });

  it.each([
    ['a word where a vertex belongs', '0 1\n1 two\n', 'two'],
    ['a negative vertex', '0 1\n1 -2\n', '-2'],
  ])('names the line with %s and writes nothing', async (_, text, named) => {
    const file = join(folder, 'bad.txt');
    writeFileSync(file, text);
    const out = join(folder, 'never.txt');
    const outcome = await strata(['graph', 'partition', '--data', file, '--parts', '2', '--out', out]);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome).cause).toContain(named);
    expect(readdirSync(folder).filter((name) => name.startsWith('never'))).toEqual([]);
  });
});

describe('graph generate and convert', () => {
  it('write files that read back as the same graph', async () => {
    const file = join(folder, 'grid.txt.gz');
    const made = await strata([
      'graph',
      'generate',
      'grid',
      '--rows',
      '3',
      '--columns',
      '4',
      '--out',
      file,
      '--json',
      '-',
    ]);
    expect(made.code, made.stderr).toBe(0);
    expect(JSON.parse(made.stdout).metrics).toEqual({ vertices: 12, storedEdges: 2 * (3 * 3 + 2 * 4) });
    const metis = join(folder, 'grid.graph');
    const converted = await strata(['graph', 'convert', file, metis, '--json', '-']);
    expect(converted.code, converted.stderr).toBe(0);
    expect(JSON.parse(converted.stdout).metrics).toMatchObject({ vertices: 12, storedEdges: 34, edgesInFile: 17 });
    expect(
      readFileSync(metis, 'utf8')
        .split('\n')
        .find((line) => !line.startsWith('%')),
    ).toMatch(/^12 17/);
  });

  it.each([
    ['an unknown kind', ['generate', 'tree', '--out', 'x.txt'], 'one of rmat, random, community, grid'],
    ['an unknown format', ['convert', 'a.txt', 'b.txt', '--from', 'dot'], 'one of edge-list, matrix-market'],
    ['an input that is not there', ['convert', '/nonexistent/a.txt', 'b.txt'], '/nonexistent/a.txt'],
  ])('refuse %s', async (_, args, cause) => {
    const outcome = await strata(['graph', ...args], { cwd: folder });
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(problemOf(outcome).cause).toContain(cause);
    expect(readdirSync(folder).filter((name) => /^[bx]\./.test(name))).toEqual([]);
  });
});
