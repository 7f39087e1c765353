import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AbortedError, DataError, initEngine, Rng } from '@strata-ml/core';
import { flattenParameters } from '@strata-ml/models';
import { expectClose, relativeL2 } from '@strata-ml/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HostBudgetError } from '../../src/residency/HostBudgetError.js';
import { FolderInUseError } from '../../src/store/FolderLock.js';
import type { GraphStore } from '../../src/store/GraphStore.js';
import { OffloadTrainer } from '../../src/train/OffloadTrainer.js';
import type { OffloadOptions } from '../../src/train/options.js';
import { type OffloadReport, type TrainOffloadOptions, trainOffload } from '../../src/train/trainOffload.js';
import { smallGraph, wholeGraph, withStore } from '../support/smallGraph.js';

let engine: TrainOffloadOptions['engine'];
beforeAll(async () => {
  engine = await initEngine();
});
const root = mkdtempSync(join(tmpdir(), 'strata-offload-runs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

// Rows of 512 bytes, so that blocks differ in size and a budget of a few of them is far below one layer.
const small = smallGraph({ vertices: 300, width: 128 });
const model = { model: 'sage', layers: 3, hidden: 128, dropout: 0.5 } as const;

async function smallestBudget(store: GraphStore, options: OffloadOptions): Promise<number> {
  const trainer = await OffloadTrainer.open(store, { ...options, hostMemory: 2 ** 28 });
  trainer.close();
  return trainer.minimumHostBytes;
}

async function trained(store: GraphStore, options: OffloadOptions, epochs: number) {
  const trainer = await OffloadTrainer.open(store, { model, ...options });
  try {
    const reports = [];
    for (let i = 0; i < epochs; i++) reports.push(await trainer.trainEpoch());
    const evaluation = await trainer.evaluate();
    return {
      parameters: flattenParameters(trainer.model.parameters),
      reports,
      evaluation,
      peak: trainer.peakHostBytes,
    };
  } finally {
    trainer.close();
  }
}

const same = (a: Float32Array, b: Float32Array) =>
  expect(Buffer.from(a.buffer).equals(Buffer.from(b.buffer))).toBe(true);

describe('several epochs', () => {
  it('with blocks given up in every layer equal those in memory, and residency changes no bit', async () => {
    const whole = wholeGraph(small, model);
    const expected = whole.train(5);
    whole.dispose();
    await withStore(small, 8, async (store) => {
      const ample = await trained(store, { hostMemory: 2 ** 28 }, 5);
      expect(relativeL2(ample.parameters, expected)).toBeLessThan(1e-4);
      expect(ample.reports[4]!.storage.bytesRead).toBe(0);
      expect(ample.reports[4]!.storage.bytesWritten).toBe(0);
      const smallest = await smallestBudget(store, { model });
      const budgets = [smallest, smallest + 50_000, 400_000];
      for (const hostMemory of budgets) {
        for (const [i, cachePolicy] of (['belady', 'lru', 'frequency', 'none'] as const).entries()) {
          const lookahead = [0, 1, 3, 1][i]!;
          const run = await trained(store, { hostMemory, cachePolicy, lookahead }, 5);
          same(run.parameters, ample.parameters);
          expect(run.evaluation).toEqual(ample.evaluation);
          expect(run.peak).toBeLessThanOrEqual(hostMemory);
          const moved = run.reports.at(-1)!.storage;
          expect(moved.evictions).toBeGreaterThan(0);
          // What the machine without a drive said before each epoch is what moved.
          for (const { storage, device, predicted } of run.reports) {
            expect(storage).toEqual(predicted.storage);
            expect(device).toEqual(predicted.device);
          }
        }
      }
      const swapped = await trained(store, { mode: 'naive-swap' }, 5);
      same(swapped.parameters, ample.parameters);
    });
  });

  it('in mode snapshot are those of regathering, bit for bit', async () => {
    await withStore(small, 4, async (store) => {
      const regathered = await trained(store, {}, 3);
      const hostMemory = await smallestBudget(store, { model, mode: 'snapshot' });
      same((await trained(store, { mode: 'snapshot', hostMemory }, 3)).parameters, regathered.parameters);
    });
  });
});

describe('bytes', () => {
  it('between host and device are the closed forms, those of the drive are bounded by them', async () => {
    await withStore(small, 4, async (store) => {
      const { vertices: n, expandedRows } = store.meta;
      const alphaN = expandedRows.reduce((a, b) => a + b, 0);
      const row = 4 * 128;
      const classes = 4 * small.classes;
      const paper = await trained(store, { fusedHead: false }, 1);
      // 2α(D₀ + D₁ + D₂) + D₃ + D₁ + D₂ up, D₁ + D₂ + D₃ + α(D₁ + D₂) down.
      expect(paper.reports[0]!.device).toEqual({
        uploadBytes: 6 * alphaN * row + n * classes + 2 * n * row,
        downloadBytes: 2 * n * row + n * classes + 2 * alphaN * row,
      });
      const fused = await trained(store, {}, 1);
      expect(fused.reports[0]!.device).toEqual({
        uploadBytes: 5 * alphaN * row + 2 * n * row,
        downloadBytes: 2 * n * row + 2 * alphaN * row,
      });
      const before = store.device.stats();
      const hostMemory = await smallestBudget(store, { model });
      const tight = await trained(store, { hostMemory, cachePolicy: 'none', lookahead: 0 }, 2);
      const after = store.device.stats();
      const total = (key: 'bytesRead' | 'bytesWritten') =>
        tight.reports.reduce((sum, { storage }) => sum + storage[key], 0);
      // The drive's own counters: the epochs, and an evaluation that reads and writes less than one of them.
      const read = after.bytesRead - before.bytesRead;
      expect(read).toBeGreaterThan(total('bytesRead'));
      expect(read).toBeLessThan(total('bytesRead') + tight.reports[1]!.storage.bytesRead);
      const { storage } = tight.reports[1]!;
      const padded = (rows: number[]) => rows.reduce((sum, r) => sum + Math.ceil((r * row) / 4096) * 4096, 0);
      const rowsOf = Array.from({ length: 4 }, (_, p) => store.rows(p));
      const layer = padded(rowsOf);
      const demanded = padded(rowsOf.flatMap((_, p) => store.dependencies(p).map((q) => rowsOf[q]!)));
      const edges = rowsOf.reduce((sum, _, p) => sum + store.topologyBytes(p), 0);
      // Nothing is kept: ρ·D for each of five gathers, edges for each, complete gradients once.
      expect(storage.bytesRead - storage.spillRead).toBe(5 * demanded + 5 * edges + 2 * layer);
      expect(storage.bytesWritten - storage.spillWritten).toBe(4 * layer);
    });
  });
});

describe('failures', () => {
  it('says the smallest budget, and one byte less is too little', async () => {
    await withStore(small, 4, async (store) => {
      const smallest = await smallestBudget(store, { model });
      const error = await OffloadTrainer.open(store, { model, hostMemory: smallest - 1 }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(HostBudgetError);
      expect((error as HostBudgetError).details.minimumBytes).toBe(smallest);
      await trained(store, { hostMemory: smallest }, 1);
    });
  });

  it('refuses a folder in use, stops between steps and goes on as if nothing had been', async () => {
    await withStore(small, 4, async (store) => {
      const trainer = await OffloadTrainer.open(store, { model });
      await expect(OffloadTrainer.open(store, { model })).rejects.toThrow(FolderInUseError);
      const control = new AbortController();
      await expect(trainer.trainEpoch({ signal: control.signal, onPass: () => control.abort() })).rejects.toThrow(
        AbortedError,
      );
      for (let i = 0; i < 2; i++) await trainer.trainEpoch();
      const parameters = flattenParameters(trainer.model.parameters);
      trainer.close();
      same(parameters, (await trained(store, {}, 2)).parameters);
    });
  });

  it('resumes from a checkpoint to the parameters of a run without a break', async () => {
    await withStore(small, 4, async (store) => {
      const batch = { ...model, norm: 'batch' } as const;
      const run = (
        folder: string,
        epochs: number,
        options: Partial<TrainOffloadOptions> = {},
      ): Promise<OffloadReport> =>
        trainOffload(store, {
          engine,
          model: batch,
          epochs,
          checkpointDir: join(root, folder),
          resume: true,
          ...options,
        });
      const whole = await run('whole', 4);
      await run('parts', 1);
      const stopped = new AbortController();
      const aborted = await run('parts', 4, {
        signal: stopped.signal,
        onEvent: (event) => {
          if (event.type === 'pass' && event.epoch === 3) stopped.abort();
        },
      });
      expect([aborted.status, aborted.timeline.epochs.length]).toEqual(['aborted', 2]);
      const resumed = await run('parts', 4, { hostMemory: whole.metrics.minimumHostBytes });
      expect(resumed.metrics.parametersHash).toBe(whole.metrics.parametersHash);
      expect(resumed.timeline.epochs.map(({ loss }) => loss)).toEqual(whole.timeline.epochs.map(({ loss }) => loss));
      await expect(run('parts', 4, { seed: 2 })).rejects.toThrow(DataError);
    });
  });
});

describe('the whole path', () => {
  it('has the gradient that finite differences have', async () => {
    const tiny = smallGraph({ vertices: 36, width: 5, isolated: 2 });
    await withStore(tiny, 3, async (store) => {
      const options = { model: { model: 'gcn', layers: 3, hidden: 6, norm: 'layer', dropout: 0 } } as const;
      const trainer = await OffloadTrainer.open(store, options);
      const { gradients } = await trainer.gradients();
      const { unflattenParameters } = await import('@strata-ml/models');
      const at = flattenParameters(trainer.model.parameters);
      const rng = new Rng(5);
      const direction = Float32Array.from(at, (_, i) => rng.normalAt(i));
      const loss = async (step: number) => {
        unflattenParameters(
          Float32Array.from(at, (x, i) => x + step * direction[i]!),
          trainer.model.parameters,
        );
        return (await trainer.gradients()).loss;
      };
      const h = 2 ** -11;
      const slope = ((await loss(h)) - (await loss(-h))) / (2 * h);
      const expected = gradients.reduce((sum, g, i) => sum + g * direction[i]!, 0);
      expectClose([slope], [expected], { rtol: 2e-3, why: 'float32 loss, step 1/2048' });
      trainer.close();
    });
  });
});
