import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hasData, problemOf, strata } from './run.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-cli-gnn-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const karate = ['gnn', 'train', '--data', 'karate', '--hidden', '8', '--epochs', '4'];

/** Files that an interrupted write would leave. */
const leftovers = (at: string): string[] =>
  readdirSync(at, { recursive: true })
    .map(String)
    .filter((name) => /tmp|partial/.test(name));

describe('gnn train', () => {
  it('reports what docs/cli.md lists, for one device and for a cluster', async () => {
    for (const cluster of ['1x1', '2x2']) {
      const { code, stdout, stderr } = await strata([...karate, '--cluster', cluster, '--json', '-']);
      expect(code, stderr).toBe(0);
      const result = JSON.parse(stdout);
      expect(result).toMatchObject({ schema: 1, command: 'gnn train', status: 'ok' });
      expect(result.config).toMatchObject({ data: 'karate', epochs: 4, seed: 1, transport: 'threads' });
      expect(result.timeline.epochs).toHaveLength(4);
      const { metrics } = result;
      for (const name of ['trainLoss', 'testAccuracy', 'finalValAccuracy', 'interBytesPerEpoch', 'parameters']) {
        expect(metrics[name], name).toBeTypeOf('number');
      }
      expect(metrics.peakDeviceBytes).toHaveLength(cluster === '1x1' ? 1 : 4);
      expect(metrics.interBytesPerEpoch).toBe(metrics.predicted.interBytesPerEpoch);
      expect(metrics.parametersHash).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('labels links emulated when they are held back, measured when not', async () => {
    const links = async (...flags: string[]) =>
      JSON.parse((await strata([...karate, '--cluster', '2x1', ...flags, '--json', '-'])).stdout).labels.links;
    expect(await links()).toBe('measured');
    expect(await links('--inter-bandwidth', '1Gbps')).toBe('emulated');
    expect(await links('--intra-bandwidth', '1Gbps')).toBe('measured'); // no server has two devices
  });

  it('trains on batches that other threads prepare, and says where the time of each went', async () => {
    const workers = ['--batch-workers', '2', '--compute-workers', '2', '--batch-size', '3', '--sync', 'sync-grads'];
    const { code, stdout, stderr } = await strata([...karate, '--mode', 'disaggregated', ...workers, '--json', '-']);
    expect(code, stderr).toBe(0);
    const { metrics, timeline } = JSON.parse(stdout);
    expect(timeline.epochs).toHaveLength(4);
    expect(metrics.batchesPerEpoch).toBe(3);
    expect(metrics.computeIdleShare).toBeTypeOf('number');
    expect(new Set(metrics.parametersHashes).size).toBe(1);
    expect(metrics.stats.batchWorkers).toHaveLength(2);
    const refused = await strata([...karate, '--mode', 'disaggregated', '--trace', join(folder, 'trace.json')]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/--trace does not go with --mode disaggregated/);
  });

  it('passes the options of snapshots on', async () => {
    const flags = ['--mode', 'snapshot', '--snapshot', 'otf', '--snapshot-alpha', '0.5'];
    expect((await strata([...karate, ...flags])).stderr).toMatch(/--snapshot-alpha/);
    const flat = ['--mode', 'snapshot', '--snapshot', 'fbl', '--batch-size', '4'];
    const { code, stdout, stderr } = await strata([...karate, ...flat, '--json', '-']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).metrics.modeFacts.storageBytesPerEpoch).toBeGreaterThan(0);
  });

  it('prints a line every so many epochs, then a table', async () => {
    const { code, stdout, stderr } = await strata([...karate, '--log-every', '2']);
    expect(code, stderr).toBe(0);
    expect(stderr.match(/^epoch [124]\/4 +loss \d/gm)).toHaveLength(3);
    expect(stdout).toMatch(/karate: 34 vertices · 78 edges/);
    expect(stdout).toMatch(/test accuracy +\d+\.\d\d %/);
  });

  it('writes a trace that opens, and a model that evaluates to the same accuracy', async () => {
    const trace = join(folder, 'trace.json');
    const flags = ['--cluster', '1x2', '--trace', trace, '--checkpoint', join(folder, 'run'), '--json', '-'];
    const trained = await strata([...karate, ...flags]);
    expect(trained.code, trained.stderr).toBe(0);
    expect(JSON.parse(readFileSync(trace, 'utf8')).traceEvents.length).toBeGreaterThan(10);
    expect(leftovers(folder)).toEqual([]);

    const [model = ''] = readdirSync(join(folder, 'run')).filter((name) => /^model.*\.safetensors$/.test(name));
    const evaluated = await strata([
      'gnn',
      'evaluate',
      '--data',
      'karate',
      '--model',
      join(folder, 'run', model),
      '--json',
      '-',
    ]);
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const { metrics } = JSON.parse(evaluated.stdout);
    expect(metrics.testAccuracy).toBe(JSON.parse(trained.stdout).metrics.finalTestAccuracy);
  });

  it('takes a partition from a file', async () => {
    const file = join(folder, 'parts.txt');
    writeFileSync(file, Array.from({ length: 34 }, (_, v) => `${v % 2}\n`).join(''));
    const { code, stdout, stderr } = await strata([...karate, '--cluster', '1x2', '--partition', file, '--json', '-']);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout).metrics.partition.partSizes).toEqual([17, 17]);
  });
});

describe('bad input to gnn train', () => {
  it.each([
    ['an unknown data set', ['--data', 'corra'], 'corra', 'did you mean cora?'],
    ['more devices than vertices', ['--data', 'karate', '--cluster', '5x7'], '34', ''],
    ['an unknown cluster shape', ['--data', 'karate', '--cluster', '2by2'], '2by2', ''],
    [
      'heads that do not divide the width',
      ['--data', 'karate', '--model', 'gat', '--hidden', '7', '--heads', '2'],
      'heads',
      '',
    ],
    ['--resume without a checkpoint folder', ['--data', 'karate', '--resume'], 'checkpoint', ''],
    ['a checkpoint folder below a file', ['--data', 'karate', '--checkpoint', '/dev/null/run'], '/dev/null/run', ''],
    [
      'a trace in a folder that is not there',
      ['--data', 'karate', '--trace', '/nonexistent/t.json'],
      '/nonexistent',
      '',
    ],
  ])('%s ends with 2, a cause and a remedy', async (_, args, cause, remedy) => {
    const outcome = await strata(['gnn', 'train', '--epochs', '2', ...args], { deadlineMs: 20_000 });
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(problemOf(outcome).cause).toContain(cause);
    expect(problemOf(outcome).remedy).toContain(remedy);
    expect(problemOf(outcome).remedy).not.toBe('');
  });

  it.each([
    ['NaN features', { feat: [1, Number.NaN, 0, 1, 1, 0], labels: [0, 1, 0] }, /NaN|finite/],
    ['fewer feature rows than vertices', { feat: [1, 0, 0, 1], labels: [0, 1, 0] }, /feat/],
    ['a label beyond the classes', { feat: [1, 0, 0, 1, 1, 0], labels: [0, 1, 7] }, /7/],
  ])('names a data folder with %s', async (_, { feat, labels }, named) => {
    const write = (name: string, array: Int32Array | Float32Array) =>
      writeFileSync(join(folder, name), gzipSync(new Uint8Array(array.buffer)));
    const meta = { name: 'tiny', title: 'tiny', num_nodes: 3, num_edges: 2, num_features: 2, num_classes: 2 };
    writeFileSync(join(folder, 'meta.json'), JSON.stringify(meta));
    writeFileSync(join(folder, 'split.json'), JSON.stringify({ train: [0], val: [1], test: [2], description: 'all' }));
    write('edges.i32.gz', Int32Array.of(0, 1, 1, 2));
    write('labels.i32.gz', Int32Array.from(labels));
    write('feat.dense.f32.gz', Float32Array.from(feat));
    const outcome = await strata(['gnn', 'train', '--data', folder, '--epochs', '2'], { deadlineMs: 20_000 });
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(problemOf(outcome).cause).toMatch(named);
  });

  it('names a truncated gzip file', async () => {
    const file = join(folder, 'graph.txt.gz');
    const whole = gzipSync(Buffer.from(Array.from({ length: 5000 }, (_, i) => `${i} ${(i * 7919) % 5000}\n`).join('')));
    writeFileSync(file, whole.subarray(0, whole.length / 2));
    const outcome = await strata(['graph', 'partition', '--data', file, '--parts', '2']);
    expect(outcome.code, outcome.stderr).toBe(2);
    expect(problemOf(outcome).cause).toContain('graph.txt.gz');
  });
});

describe.skipIf(!hasData('cora'))('a run of gnn train that breaks off', () => {
  it('for want of memory says how much there was, and what to do', async () => {
    const args = ['gnn', 'train', '--data', 'cora', '--epochs', '2', '--device-memory', '1MiB', '--json', '-'];
    const outcome = await strata(args, { deadlineMs: 30_000 });
    expect(outcome.code, outcome.stderr).toBe(1);
    expect(outcome.stderr.trimEnd().split('\n').slice(-2)).toEqual([
      expect.stringMatching(/^strata: .*memory/i),
      expect.stringMatching(/^ +try: ./),
    ]);
    expect(JSON.parse(outcome.stdout)).toMatchObject({ status: 'failed', error: { code: expect.any(String) } });
  });

  it('by Ctrl-C in an epoch stops cleanly with 130, keeps a checkpoint, and goes on from it', async () => {
    const run = join(folder, 'run');
    const args = ['gnn', 'train', '--data', 'cora', '--cluster', '1x2', '--checkpoint', run, '--log-every', '1'];
    const interrupted = await strata([...args, '--epochs', '100000', '--json', join(folder, 'result.json')], {
      onOutput: interruptOnce(/epoch +3\//),
    });
    expect(interrupted.code, interrupted.stderr).toBe(130);
    expect(interrupted.stderr).toContain('stopping …');
    expect(leftovers(folder)).toEqual([]);
    const result = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8'));
    expect(result.status).toBe('aborted');
    expect(existsSync(run)).toBe(true);

    const resumed = await strata([...args, '--epochs', '100000', '--resume'], {
      onOutput: interruptOnce(/epoch +\d+\//),
    });
    expect(resumed.code, resumed.stderr).toBe(130);
    const first = Number(/^epoch +(\d+)\//m.exec(resumed.stderr)?.[1]);
    expect(first).toBeGreaterThanOrEqual(3);
  });

  it('by a second Ctrl-C ends at once', async () => {
    let sent = 0;
    const outcome = await strata(['gnn', 'train', '--data', 'cora', '--epochs', '100000', '--log-every', '1'], {
      onOutput: (text, child) => {
        if (sent === 0 && /epoch +2\//.test(text)) sent = Number(child.kill('SIGINT'));
        else if (sent === 1 && text.includes('stopping …')) sent += Number(child.kill('SIGINT'));
      },
    });
    expect(outcome.code).toBe(130);
  });
});

/** Presses Ctrl-C when the output first matches. */
function interruptOnce(when: RegExp) {
  let isSent = false;
  return (text: string, child: { kill(signal: 'SIGINT'): boolean }): void => {
    if (!isSent && when.test(text)) isSent = child.kill('SIGINT');
  };
}

describe('gnn plan', () => {
  it('predicts every mode and chooses one that training takes', async () => {
    const cluster = ['--cluster', '2x2', '--inter-bandwidth', '1Mbps'];
    const network = ['--data', 'karate', '--model', 'sage', '--hidden', '8'];
    const { code, stdout, stderr } = await strata(['gnn', 'plan', ...network, ...cluster, '--json', '-']);
    expect(code, stderr).toBe(0);
    const { metrics, labels } = JSON.parse(stdout);
    expect(labels).toMatchObject({ compute: 'simulated', links: 'simulated' });
    const names = metrics.alternatives.map((a: { name: string }) => a.name);
    expect(names.slice(0, 4)).toEqual(['full-graph', 'flx k=1', 'flx k=2', 'flx k=3']);
    expect(metrics.chosen.name).toBe('flx k=3');

    const flx = ['--mode', 'flx', '--preload-hops', '3', '--epochs', '2', '--cluster', '2x2', '--json', '-'];
    const trained = JSON.parse((await strata(['gnn', 'train', ...network, ...flx])).stdout).metrics;
    expect(trained.interBytesPerEpoch).toBe(metrics.chosen.interBytesPerEpoch);
    expect(trained.preload.interBytes).toBe(metrics.chosen.setupInterBytes);
  });

  it('names an unknown mode, and the modes there are', async () => {
    const { code, stderr } = await strata([...karate, '--mode', 'magic']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/mode must be one of full-graph, flx, flx-eas, cob/);
  });
});
