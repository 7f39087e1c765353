import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
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

describe('graph partition of edge files', () => {
  it('streams a generated graph, and reports what it did', async () => {
    const file = join(folder, 'big.i32');
    const size = ['--vertices', '4000', '--degree', '40', '--communities', '16'];
    const made = await strata(['graph', 'generate', 'community', ...size, '--out', file, '--json', '-']);
    expect(made.code, made.stderr).toBe(0);
    const { edges } = JSON.parse(made.stdout).metrics;
    expect(statSync(file).size).toBe(8 * edges);
    const out = join(folder, 'big.parts');
    const grem = ['graph', 'partition', '--data', file, '--method', 'grem', '--parts', '4', '--out', out];
    const run = await strata([...grem, '--chunk-edges', '20000', '--passes', '2', '--json', '-']);
    expect(run.code, run.stderr).toBe(0);
    const { config, metrics } = JSON.parse(run.stdout);
    expect(config.streamed).toBe(true);
    expect(metrics).toMatchObject({ edges, numVertices: 4000, chunkEdges: 20_000, parts: 4 });
    expect(metrics.cutRatio).toBeLessThan(0.4);
    expect(run.stderr).toMatch(/edges\/s · .* moves · cut about .* MiB/);
    expect(readFileSync(out, 'utf8').trim().split('\n')).toHaveLength(4000);
    const whole = await strata([
      'graph',
      'partition',
      '--data',
      file,
      '--method',
      'multilevel',
      '--parts',
      '4',
      '--json',
      '-',
    ]);
    expect(JSON.parse(whole.stdout).metrics.cutRatio).toBeLessThan(metrics.cutRatio + 0.02);
  });

  it('stops on Ctrl-C with code 130, streaming or in memory, and leaves nothing', async () => {
    const file = join(folder, 'huge.i32');
    const size = ['--vertices', '60000', '--degree', '60'];
    await strata(['graph', 'generate', 'community', ...size, '--out', file]);
    const tmp = mkdtempSync(join(folder, 'tmp-'));
    for (const method of ['grem', 'multilevel']) {
      const out = join(folder, `never-${method}`);
      const args = ['graph', 'partition', '--data', file, '--method', method, '--parts', '16', '--passes', '50'];
      let isSent = false;
      const { code } = await strata([...args, '--out', out], {
        env: { TMPDIR: tmp },
        onOutput: (text, child) => {
          if (isSent || !text.includes('percent')) return;
          isSent = true;
          child.kill('SIGINT');
        },
      });
      expect(code).toBe(130);
      expect(readdirSync(tmp)).toEqual([]);
      expect(readdirSync(folder).filter((name) => name.startsWith('never'))).toEqual([]);
    }
  });

  it('refuses a budget below the state, and kinds that cannot be streamed', async () => {
    const file = join(folder, 'two.i32');
    writeFileSync(file, new Uint8Array(Int32Array.of(0, 1, 1, 2).buffer));
    const budget = await strata([
      'graph',
      'partition',
      '--data',
      file,
      '--method',
      'grem',
      '--parts',
      '2',
      '--memory',
      '1kB',
    ]);
    expect([budget.code, problemOf(budget).cause]).toEqual([2, expect.stringContaining('memoryBytes')]);
    const kind = await strata(['graph', 'generate', 'grid', '--out', join(folder, 'grid.i32')]);
    expect([kind.code, problemOf(kind).cause]).toEqual([2, expect.stringContaining('rmat or community')]);
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
    ['an unknown format', ['convert', 'a.txt', 'b.txt', '--from', 'dot'], 'one of edge-list, binary, matrix-market'],
    ['an input that is not there', ['convert', '/nonexistent/a.txt', 'b.txt'], '/nonexistent/a.txt'],
  ])('refuse %s', async (_, args, cause) => {
    const outcome = await strata(['graph', ...args], { cwd: folder });
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(problemOf(outcome).cause).toContain(cause);
    expect(readdirSync(folder).filter((name) => /^[bx]\./.test(name))).toEqual([]);
  });
});
