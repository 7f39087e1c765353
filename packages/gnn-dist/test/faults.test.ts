import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, OptionError, RankFailedError, ShapeError } from '@strata-ml/core';
import { type GraphData, trainGnn } from '@strata-ml/gnn-dist';
import { afterEach, describe, expect, it } from 'vitest';
import { awkwardGraph } from './support/data.js';

const data = awkwardGraph(60, { sparse: false });
const short = { epochs: 3, model: { model: 'gcn', hidden: 4 } } as const;
const folders: string[] = [];
const folder = () => {
  const made = mkdtempSync(join(tmpdir(), 'strata-faults-'));
  folders.push(made);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

const withFeatures = (values: Float32Array): GraphData => ({ ...data, features: { kind: 'dense', values } });
const dense = (data.features as { values: Float32Array }).values;

describe('bad input is refused before a rank starts', () => {
  it('features with a NaN, naming vertex and column', async () => {
    const values = dense.slice();
    values[4 * data.numFeatures + 3] = Number.NaN;
    const run = trainGnn(withFeatures(values), short);
    await expect(run).rejects.toThrow(DataError);
    await expect(run).rejects.toThrow('got NaN at vertex 4, column 3');
  });

  it('features with another number of rows than the graph', async () => {
    const run = trainGnn(withFeatures(dense.subarray(data.numFeatures)), short);
    await expect(run).rejects.toThrow(ShapeError);
    await expect(run).rejects.toThrow('must have shape [60, 10], a row per vertex, got [59, 10]');
  });

  it('a label outside the classes, a split vertex that does not exist, an empty training set', async () => {
    const labels = data.labels.slice();
    labels[data.split.train[0]!] = 9;
    await expect(trainGnn({ ...data, labels }, short)).rejects.toThrow('must have a label in 0 … 2, got 9');
    const split = { ...data.split, val: Int32Array.of(60) };
    await expect(trainGnn({ ...data, split }, short)).rejects.toThrow('vertex 60 of the val split must be in 0 … 59');
    const none = { ...data.split, train: new Int32Array(0) };
    await expect(trainGnn({ ...data, split: none }, short)).rejects.toThrow('split.train must be at least one vertex');
  });

  it('unknown modes, methods and models, and numbers out of range', async () => {
    const bad = (options: object) => trainGnn(data, { ...short, ...options } as never);
    await expect(bad({ mode: 'magic' })).rejects.toThrow('mode must be one of full-graph');
    await expect(bad({ partition: 'magic' })).rejects.toThrow(OptionError);
    await expect(bad({ model: { model: 'magic' } })).rejects.toThrow('model must be one of gcn');
    await expect(bad({ epochs: 0 })).rejects.toThrow('epochs must be an integer ≥ 1, got 0');
    await expect(bad({ engine: 'magic' })).rejects.toThrow(OptionError);
    await expect(bad({ cluster: '0x2' })).rejects.toThrow(OptionError);
    await expect(bad({ resume: true })).rejects.toThrow('checkpointDir must be given when resume is true');
  });

  it('more devices than vertices', async () => {
    await expect(trainGnn(data, { ...short, cluster: '8x8' })).rejects.toThrow(/64.*60|60.*64/);
  });

  it('a checkpoint folder that cannot be made', async () => {
    const file = join(folder(), 'file');
    writeFileSync(file, '');
    await expect(trainGnn(data, { ...short, checkpointDir: join(file, 'inside') })).rejects.toThrow(
      'checkpointDir must be a folder that can be written',
    );
  });
});

describe('faults during a run', () => {
  it('a memory budget that is too small names the rank, the operation and the bytes', async () => {
    const cluster = { devicesPerServer: [2], deviceMemory: '64KiB', servers: 1 };
    const { parseCluster } = await import('@strata-ml/core');
    const large = awkwardGraph(3000, { sparse: false });
    const run = trainGnn(large, { epochs: 1, model: { model: 'gcn', hidden: 64 }, cluster: parseCluster(cluster) });
    const error = await run.then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(RankFailedError);
    expect(((error as Error).cause as Error).name).toBe('OutOfDeviceMemoryError');
  });

  it('an abort in the middle ends all ranks after an epoch, leaves a checkpoint, and the run resumes to the same bits', async () => {
    const dir = folder();
    const stop = new AbortController();
    const options = {
      epochs: 30,
      model: { model: 'sage', hidden: 8, norm: 'batch' },
      cluster: '2x2',
      seed: 3,
    } as const;
    const whole = await trainGnn(data, options);
    const first = await trainGnn(data, {
      ...options,
      checkpointDir: dir,
      signal: stop.signal,
      onEvent: (e) => {
        if (e.type === 'epoch' && e.epoch === 5) stop.abort();
      },
    });
    expect(first.status).toBe('aborted');
    const done = first.timeline.epochs.length;
    expect(done).toBeGreaterThanOrEqual(5);
    expect(done).toBeLessThan(30);
    expect(readdirSync(dir)).toEqual(['checkpoint.safetensors']);
    const second = await trainGnn(data, { ...options, checkpointDir: dir, resume: true });
    expect(second.timeline.epochs.length).toBe(30);
    expect(second.metrics.parametersHash).toBe(whole.metrics.parametersHash);
    expect(existsSync(join(dir, 'model.safetensors'))).toBe(true);
  });

  it('a checkpoint of another run, and a damaged one, are refused', async () => {
    const dir = folder();
    const options = { ...short, checkpointDir: dir };
    await trainGnn(data, options);
    await expect(trainGnn(data, { ...options, resume: true, seed: 2 })).rejects.toThrow(
      'it must come from a run with the same data, model, optimizer and seed',
    );
    const path = join(dir, 'checkpoint.safetensors');
    truncateSync(path, readFileSync(path).length - 10);
    await expect(trainGnn(data, { ...options, resume: true, epochs: 5 })).rejects.toThrow(/checkpoint|safetensors/);
  });
});
