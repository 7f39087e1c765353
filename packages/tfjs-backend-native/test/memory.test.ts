import { OptionError, readTensor, StrataError, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { configureNative, type NativeBackend, nativeMemory, OutOfDeviceMemoryError } from '../src/index.js';

const BUDGET = 1 << 20;

beforeAll(async () => {
  tf.env().set('IS_TEST', true); // spares the cpu backend's advertisement
  expect(nativeMemory().currentBytes).toBe(0);
  configureNative({ memoryBytes: BUDGET });
  expect(await tf.setBackend('native')).toBe(true);
});

// Every test leaves the device as it found it.
afterEach(() => {
  expect(tf.memory().numTensors).toBe(0);
  expect(nativeMemory().currentBytes).toBe(0);
});

describe('the budget', () => {
  it('refuses what does not fit, says by how much, and leaves the rest alone', () => {
    const a = tf.fill([100_000], 1);
    const b = tf.fill([100_000], 2);
    const used = nativeMemory().currentBytes;
    expect(used).toBe(800_000);
    let caught: unknown;
    try {
      tf.add(a, b);
    } catch (error) {
      caught = error;
    }
    expect(caught).toBeInstanceOf(OutOfDeviceMemoryError);
    expect(caught).toBeInstanceOf(StrataError);
    const error = caught as OutOfDeviceMemoryError;
    expect(error.code).toBe('ERR_STRATA_DEVICE_MEMORY');
    expect(error.details).toEqual({
      op: 'Add',
      askedBytes: 400_000,
      freeBytes: BUDGET - used,
      largestFreeBytes: BUDGET - used,
      budgetBytes: BUDGET,
    });
    expect(error.message).toContain('Add: 400000 bytes');
    expect(nativeMemory().currentBytes).toBe(used);
    a.dispose();
    const sum = tf.add(b, b);
    expect(sum.dataSync()[99_999]).toBe(4);
    tf.dispose([b, sum]);
  });

  it('holds for arrays of the user and of inherited kernels too', () => {
    expect(() => tf.tensor1d(new Float32Array(BUDGET / 4 + 1))).toThrow(OutOfDeviceMemoryError);
    const x = tf.tensor1d(new Float32Array(200_000));
    expect(nativeMemory().currentBytes).toBe(800_000);
    expect(() => tf.cumsum(x)).toThrow('Cumsum: 800000 bytes');
    x.dispose();
  });

  it('takes any size up to the whole, one tensor', () => {
    const x = tf.fill([BUDGET / 4], 1);
    expect(nativeMemory()).toMatchObject({ currentBytes: BUDGET, largestFreeBytes: 0 });
    expect(() => tf.fill([1], 1)).toThrow(OutOfDeviceMemoryError);
    x.dispose();
    expect(nativeMemory().largestFreeBytes).toBe(BUDGET);
  });

  it('cannot change while the backend is in use', () => {
    expect(() => configureNative({ memoryBytes: BUDGET })).toThrow(OptionError);
  });
});

describe('nativeMemory', () => {
  it('counts 64-byte blocks, its peak, and starts a new peak', () => {
    nativeMemory().resetPeak();
    const x = tf.fill([17], 1);
    expect(nativeMemory().currentBytes).toBe(128);
    tf.tidy(() => {
      tf.square(tf.square(x));
    });
    expect(nativeMemory().peakBytes).toBe(3 * 128);
    nativeMemory().resetPeak();
    expect(nativeMemory().peakBytes).toBe(128);
    x.dispose();
  });

  it('frees shared data with its last tensor', () => {
    const x = tf.fill([1000], 3);
    const views = [tf.reshape(x, [10, 100]), tf.expandDims(x), tf.clone(x)];
    expect(nativeMemory().currentBytes).toBe(4032);
    x.dispose();
    expect(nativeMemory().currentBytes).toBe(4032);
    expect(views[0]!.dataSync()[999]).toBe(3);
    tf.dispose(views);
  });
});

describe('what the user holds', () => {
  it('stays as it was after dispose: dataSync and data copy', async () => {
    const x = tf.fill([1000], 7);
    const [sync, later] = [x.dataSync(), await x.data()];
    x.dispose();
    tf.fill([1000], 8).dispose();
    expect(sync[0]).toBe(7);
    expect(later[999]).toBe(7);
  });

  it('may be a view of a tensor that dies: the new tensor has its own data', () => {
    const x = tf.fill([1000], 7);
    const view = readTensor(x);
    const y = tf.tensor1d(view.subarray(10, 500));
    x.dispose();
    const z = tf.fill([1000], 8);
    expect(y.dataSync()[489]).toBe(7);
    tf.dispose([y, z]);
  });

  it('may be shared memory', () => {
    const shared = new Float32Array(new SharedArrayBuffer(4000)).fill(2);
    const y = tf.tidy(() => tf.exp(tf.log(tf.mul(tf.tensor1d(shared), 2))));
    expect(y.dataSync()[999]).toBeCloseTo(4, 5);
    y.dispose();
  });

  it('moves between backends and back', async () => {
    const x = tf.fill([100], 3);
    await tf.setBackend('cpu');
    const y = tf.square(x);
    expect(y.dataSync()[99]).toBe(9);
    await tf.setBackend('native');
    const z = tf.add(x, y);
    expect(z.dataSync()[99]).toBe(12);
    tf.dispose([x, y, z]);
  });

  it('survives kernels of the cpu backend that return views of their input', () => {
    const x = tf.fill([1000], 5);
    const parts = tf.split(x, 4);
    x.dispose();
    const z = tf.fill([1000], 6);
    expect(parts[3]!.dataSync()).toEqual(new Float32Array(250).fill(5));
    tf.dispose([z, ...parts]);
  });
});

it('gives kernels of other packages its memory: tensors made and read in place', () => {
  const backend = tf.backend() as NativeBackend;
  const x = tensorFrom([4, 5], (data) => {
    expect(backend.arena.owns(data)).toBe(true);
    data.fill(2);
  });
  expect(nativeMemory().currentBytes).toBe(128);
  expect(readTensor(x).byteOffset % 64).toBe(0);
  expect(backend.arena.owns(readTensor(x))).toBe(true);
  const user = tf.tensor1d(new Float32Array(100).fill(1));
  expect(backend.arena.owns(readTensor(user))).toBe(true);
  expect(user.dataSync()[99]).toBe(1);
  tf.dispose([x, user]);
});

it('starts again with other options after the backend is removed', async () => {
  const { factory } = tf.engine().registryFactory.native!;
  tf.removeBackend('native');
  await tf.setBackend('cpu');
  configureNative({ memoryBytes: 1 << 21, threads: 2 });
  tf.registerBackend('native', factory, 4);
  await tf.setBackend('native');
  expect(nativeMemory().budgetBytes).toBe(1 << 21);
  const x = tf.fill([64, 64], 1);
  const y = tf.matMul(x, x);
  expect(y.dataSync()[4095]).toBe(64);
  tf.dispose([x, y]);
});

it.each([0, -1, NaN, 1 << 10, 2 ** 33, Infinity])('refuses a budget of %s bytes', (memoryBytes) => {
  if (tf.findBackend('native')) tf.removeBackend('native');
  expect(() => configureNative({ memoryBytes })).toThrow(OptionError);
});

it.each([0, 1.5, -2])('refuses %s threads', (threads) => {
  expect(() => configureNative({ threads })).toThrow(OptionError);
});
