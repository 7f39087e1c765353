import { readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { AbortedError, doctorReport, initEngine, probeDirectIo } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

describe('doctorReport', () => {
  it('measures each engine in its own process and leaves the caller alone', async () => {
    await initEngine({ prefer: 'cpu' });
    const seen: string[] = [];
    const report = await doctorReport({
      engines: ['tensorflow', 'wasm', 'cpu'],
      secondsPerEngine: 0.01,
      onProgress: (engine) => seen.push(engine),
    });
    expect(tf.getBackend()).toBe('cpu');
    expect(seen).toEqual(['tensorflow', 'wasm', 'cpu']);
    expect(report.engines.map((e) => e.name)).toEqual(seen);
    for (const e of report.engines) {
      expect(e.reason.length).toBeGreaterThan(10);
      expect(e.available).toBe(e.gflops !== undefined);
    }
    expect(report.engines.map((e) => (e.gflops ?? 1) > 0)).toEqual([true, true, true]);
    expect(report.mpi.available).toBe(false);
    expect(report.cores).toBeGreaterThanOrEqual(1);
    expect(report.memoryBytes).toBeGreaterThan(2 ** 27);
    expect(report.node).toBe(process.version);
    expect(report.simd).toBe(true);
    expect(structuredClone(report)).toEqual(report);
  });

  it('reports an engine that does not answer, and stops when told', async () => {
    const { engines } = await doctorReport({ engines: ['cpu'], timeoutMs: 1 });
    expect(engines).toEqual([{ name: 'cpu', available: false, reason: 'did not answer within 1 ms' }]);
    const controller = new AbortController();
    const run = doctorReport({ engines: ['cpu'], signal: controller.signal, onProgress: () => controller.abort() });
    await expect(run).rejects.toThrow(AbortedError);
  });
});

describe('probeDirectIo', () => {
  it('answers for any folder and leaves nothing behind', async () => {
    const before = (await readdir(tmpdir())).filter((name) => name.startsWith('strata-direct-'));
    const here = await probeDirectIo(tmpdir());
    expect(here.reason).toContain(process.platform === 'linux' ? tmpdir() : 'O_DIRECT');
    const after = (await readdir(tmpdir())).filter((name) => name.startsWith('strata-direct-'));
    expect(after).toEqual(before);
    const nowhere = await probeDirectIo('/no/such/folder');
    expect(nowhere.available).toBe(false);
  });
});
