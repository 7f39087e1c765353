import { fileURLToPath } from 'node:url';
// The built package: engines load files that lie beside it.
import {
  createDevice,
  ENGINE_NAMES,
  EngineUnavailableError,
  initEngine,
  OptionError,
  OutOfDeviceMemoryError,
} from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it } from 'vitest';

afterEach(() => {
  delete process.env.STRATA_ENGINE;
});

describe('initEngine', () => {
  it('takes the first engine that runs and gives a reason for each', async () => {
    const report = await initEngine();
    expect(tf.getBackend()).toBe(report.name);
    expect(report.candidates.map((c) => c.name)).toEqual(ENGINE_NAMES.slice(0, report.candidates.length));
    expect(report.candidates.map((c) => c.available)).toEqual(report.candidates.map((c) => c.name === report.name));
    for (const c of report.candidates) expect(c.reason.length).toBeGreaterThan(10);
    expect(structuredClone(report)).toEqual(report);
    expect(await initEngine()).toBe(report);
    expect(await initEngine({ prefer: report.name })).toBe(report);
  });

  it('obeys STRATA_ENGINE, and an explicit name before it', async () => {
    process.env.STRATA_ENGINE = 'cpu';
    expect((await initEngine()).name).toBe('cpu');
    expect((await initEngine({ prefer: 'wasm' })).name).toBe('wasm');
    process.env.STRATA_ENGINE = 'gpu';
    await expect(initEngine()).rejects.toThrow(/STRATA_ENGINE must be one of auto, native, tensorflow, wasm, cpu/);
  });

  it('refuses an unknown engine and impossible options', async () => {
    await expect(initEngine({ prefer: 'cuda' as 'cpu' })).rejects.toThrow(OptionError);
    await expect(initEngine({ prefer: 'cpu', memoryBytes: -1 })).rejects.toThrow(OptionError);
    await expect(initEngine({ prefer: 'cpu', threads: 1.5 })).rejects.toThrow(OptionError);
  });

  it('switches one at a time when asked several times at once', async () => {
    const names = ['cpu', 'wasm', 'cpu', 'wasm'] as const;
    const reports = await Promise.all(names.map((prefer) => initEngine({ prefer })));
    expect(reports.map((r) => r.name)).toEqual(names);
    expect(tf.getBackend()).toBe('wasm');
  });

  it('says why a named engine cannot run, and goes on with another', async () => {
    const folder = process.env.STRATA_TFJS_NODE;
    process.env.STRATA_TFJS_NODE = fileURLToPath(new URL('.', import.meta.url));
    try {
      const refused = initEngine({ prefer: 'tensorflow' });
      await expect(refused).rejects.toThrow(EngineUnavailableError);
      await expect(refused).rejects.toThrow(/tensorflow cannot run here: .*STRATA_TFJS_NODE.*; or choose auto/);
    } finally {
      if (folder === undefined) delete process.env.STRATA_TFJS_NODE;
      else process.env.STRATA_TFJS_NODE = folder;
    }
    expect((await initEngine({ prefer: 'wasm' })).name).toBe('wasm');
  });
});

describe.each(['wasm', 'cpu'] as const)('device memory on %s', (prefer) => {
  it('counts every buffer once, to the byte, with its peak', async () => {
    const device = createDevice(await initEngine({ prefer, memoryBytes: 2 ** 30 }));
    expect(device.engine).toBe(prefer);
    const base = device.memory.currentBytes;
    device.memory.resetPeak();
    const a = tf.zeros([10, 100]);
    expect(device.memory.currentBytes).toBe(base + 4000);
    const b = tf.reshape(a, [100, 10]); // the same buffer
    const flags = tf.greater(a, 0); // bool: 1 byte each, and a scalar 0 while it runs
    tf.dispose(flags);
    expect(device.memory.currentBytes).toBe(base + 4000);
    expect(device.memory.peakBytes).toBeGreaterThanOrEqual(base + 5000);
    expect(device.memory.peakBytes).toBeLessThanOrEqual(base + 5008);
    a.dispose();
    expect(device.memory.currentBytes).toBe(base + 4000);
    b.dispose();
    expect(device.memory.currentBytes).toBe(base);
    tf.backend().disposeData(b.dataId); // gone already: not counted twice
    expect(device.memory.currentBytes).toBe(base);
    tf.zeros([2]).dispose();
    expect(device.memory.peakBytes).toBeGreaterThanOrEqual(base + 5000);
    device.memory.resetPeak();
    expect(device.memory.peakBytes).toBe(base);
  });

  it('refuses what does not fit, names op and sizes, and goes on working', async () => {
    const device = createDevice(await initEngine({ prefer, memoryBytes: 1_000_000 }));
    const tensors = tf.memory().numTensors;
    const base = device.memory.currentBytes;
    const x = tf.zeros([500, 400]);
    let thrown: unknown;
    try {
      tf.tidy(() => tf.add(x, x));
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OutOfDeviceMemoryError);
    expect((thrown as OutOfDeviceMemoryError).details).toMatchObject({
      op: 'Add',
      askedBytes: 800_000,
      freeBytes: 1_000_000 - base - 800_000,
      budgetBytes: 1_000_000,
    });
    expect(device.memory.currentBytes).toBe(base + 800_000);
    x.dispose();
    expect(tf.memory().numTensors).toBe(tensors);
    expect(device.memory.currentBytes).toBe(base);
    expect(Array.from(tf.tidy(() => tf.add([1], [2])).dataSync())).toEqual([3]);
  });
});
