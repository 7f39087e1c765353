import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { problemOf, strata } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('cluster show', () => {
  it('prints a file that means the same cluster', async () => {
    const flags = [
      '--cluster',
      '2x3',
      '--inter-bandwidth',
      '1Gbps',
      '--inter-latency',
      '50us',
      '--device-memory',
      '512MB',
    ];
    const first = await strata(['cluster', 'show', ...flags, '--json', '-']);
    expect(first.code).toBe(0);
    const file = join(folder, 'cluster.yaml');
    writeFileSync(file, first.stderr.split('As a cluster file:')[1] ?? '');
    const second = await strata(['cluster', 'show', '--cluster', file, '--json', '-']);
    const { metrics } = JSON.parse(second.stdout);
    expect(metrics).toEqual(JSON.parse(first.stdout).metrics);
    expect(metrics.ranks[4]).toEqual({ rank: 4, server: 1, localRank: 1 });
    expect(metrics.cluster.interLink).toEqual({ bandwidthBytesPerS: 125e6, latencyS: 5e-5 });
  });

  it.each([
    ['zero devices', 'servers: 2\ndevicesPerServer: 0\n', 'devicesPerServer'],
    ['a negative bandwidth', 'servers: 2\ninterLink: { bandwidth: -1Gbps }\n', 'bandwidth'],
    ['an unknown key', 'servers: 2\nracks: 3\n', 'racks'],
    ['no YAML', 'servers: [1, \n', 'YAML'],
    ['nothing', '', 'empty'],
  ])('refuses a file with %s', async (_, text, named) => {
    const file = join(folder, 'bad.yaml');
    writeFileSync(file, text);
    const outcome = await strata(['cluster', 'show', '--cluster', file]);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome).cause).toContain(named);
    expect(problemOf(outcome).remedy).not.toBe('');
  });

  it('refuses a file that is not there', async () => {
    const outcome = await strata(['cluster', 'show', '--cluster', join(folder, 'none.yaml')]);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome).cause).toContain('none.yaml');
  });
});

describe('results', () => {
  const command = ['cluster', 'show', '--cluster', '1x2'];

  it('go to a file whole, with the envelope of schema 1', async () => {
    const file = join(folder, 'result.json');
    const { code, stdout } = await strata([...command, '--json', file]);
    expect(code).toBe(0);
    expect(stdout).toContain('1 server × 2 devices');
    const result = JSON.parse(readFileSync(file, 'utf8'));
    expect(Object.keys(result)).toEqual([
      'schema',
      'command',
      'status',
      'labels',
      'environment',
      'config',
      'metrics',
      'timeline',
    ]);
    expect(result).toMatchObject({ schema: 1, command: 'cluster show', status: 'ok' });
    expect(result.environment.node).toBe(process.version);
  });

  it('with --json - are all that stdout holds', async () => {
    const { stdout, stderr } = await strata([...command, '--json', '-']);
    expect(JSON.parse(stdout).schema).toBe(1);
    expect(stderr).toContain('1 server × 2 devices');
  });

  it('with --quiet leave the terminal empty', async () => {
    expect(await strata([...command, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  it('are refused a path that cannot be written, before any work', async () => {
    const outcome = await strata([...command, '--json', join(folder, 'missing', 'x.json')]);
    expect(outcome.code).toBe(2);
    expect(problemOf(outcome)).toEqual({
      cause: expect.stringContaining('--json: folder must be an existing folder'),
      remedy: 'create it first',
    });
    const atFolder = await strata([...command, '--json', folder]);
    expect(atFolder.code).toBe(2);
    expect(problemOf(atFolder).cause).toContain('path must be a file');
  });

  it('of ranks other than 0 are not written, and those ranks print nothing', async () => {
    const file = join(folder, 'rank1.json');
    const env = { OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_SIZE: '2' };
    const outcome = await strata(['data', 'list', '--json', file], { env });
    expect(outcome).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(() => readFileSync(file)).toThrow('ENOENT');
    expect(await strata(['data', 'list', '--oops'], { env })).toEqual({ code: 2, stdout: '', stderr: '' });
  });
});
