import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasMpi, mpirun } from './mpirun.js';
import { problemOf, strata } from './run.js';

let folder: string;
let small: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-lm-'));
  const text = join(folder, 'text.txt');
  writeFileSync(text, 'the cat sat on the mat; the dog sat on the log. '.repeat(100));
  const shape = ['--layers', '2', '--width', '16', '--heads', '2', '--context', '16'];
  small = ['lm', 'train', '--data', text, ...shape, '--batch', '8', '--micro-batch', '2', '--eval-samples', '8'];
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Result {
  readonly status: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly metrics: Readonly<Record<string, unknown>> & {
    readonly traffic: readonly { readonly phase: string; readonly bytes: number }[];
    readonly predicted: Readonly<Record<string, number>>;
  };
  readonly timeline: { readonly steps: readonly { readonly step: number; readonly loss: number }[] };
}

describe('strata lm train', () => {
  it('trains on a grid, writes result, page and model, and goes on from them on another grid', async () => {
    const [checkpoint, page] = [join(folder, 'run'), join(folder, 'page.html')];
    const grid = [...small, '--checkpoint', checkpoint, '--json', '-'];
    const first = await strata([...grid, '--pp', '2', '--steps', '4', '--report', page]);
    expect(first.code, first.stderr).toBe(0);
    const result = JSON.parse(first.stdout) as Result;
    expect(result).toMatchObject({
      status: 'ok',
      labels: { links: 'measured' },
      metrics: { parametersByRank: [0, 0].map(() => expect.any(Number)) },
    });
    for (const [phase, bytes] of Object.entries(result.metrics.predicted)) {
      const counted = result.metrics.traffic.filter((row) => row.phase === phase);
      expect(
        counted.reduce((sum, row) => sum + row.bytes, 0),
        phase,
      ).toBe(bytes);
    }
    const html = readFileSync(page, 'utf8');
    expect(html.match(/<svg/g)!.length).toBeGreaterThanOrEqual(6);
    expect(html).toContain('one step on every rank');

    const second = await strata([...grid, '--dp', '2', '--steps', '6', '--resume']);
    expect(second.code, second.stderr).toBe(0);
    const { steps } = (JSON.parse(second.stdout) as Result).timeline;
    expect(steps.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(steps.slice(0, 4)).toEqual(result.timeline.steps);

    const text = await strata(['lm', 'generate', '--checkpoint', checkpoint, '--prompt', 'the ', '--tokens', '8']);
    expect(text.code, text.stderr).toBe(0);
    expect(text.stdout.startsWith('the ')).toBe(true);
  });

  it('says what is wrong with a grid before it starts one', async () => {
    const { code, stderr, stdout } = await strata([
      ...small,
      '--pp',
      '3',
      '--batch',
      '6',
      '--micro-batch',
      '2',
      '--schedule',
      'interleaved',
      '--p2p',
      'batched-sync',
    ]);
    expect(code).toBe(2);
    expect(problemOf({ code, stderr, stdout }).cause).toMatch(/p2p must be async for interleaved/);
  });

  it.skipIf(!hasMpi)('under mpirun has the losses that threads have', async () => {
    const run = [...small, '--steps', '3', '--tp', '2', '--json', '-'];
    const [mpi, threads] = [await mpirun(2, run), await strata(run)];
    expect(mpi.code, mpi.stderr).toBe(0);
    const [a, b] = [JSON.parse(mpi.stdout) as Result, JSON.parse(threads.stdout) as Result];
    expect(a.config.transport).toBe('mpi');
    expect(a.timeline.steps.map(({ loss }) => loss)).toEqual(b.timeline.steps.map(({ loss }) => loss));
    expect(a.metrics.parametersHash).toBe(b.metrics.parametersHash);
  });
});
