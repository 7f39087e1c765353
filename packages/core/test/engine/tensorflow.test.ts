/** The engine `tensorflow`: finding the package, the reasons when it cannot run, and running it where it was built. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { createDevice, initEngine, OutOfDeviceMemoryError, serializeError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { locateTensorflow } from '../../src/engine/tensorflow/locate.js';

const built = process.env.STRATA_TFJS_NODE;
const isBuilt = 'addon' in locateTensorflow();
const scratch = mkdtempSync(join(tmpdir(), 'strata-tensorflow-'));

afterAll(() => rmSync(scratch, { recursive: true, force: true }));
afterEach(() => {
  if (built === undefined) delete process.env.STRATA_TFJS_NODE;
  else process.env.STRATA_TFJS_NODE = built;
});

/** A package folder with files that stand for addons. */
function fakePackage(name: string, ...addons: string[]): string {
  const folder = join(scratch, name, 'node_modules', '@tensorflow', 'tfjs-node');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: '@tensorflow/tfjs-node', version: '4.22.0' }));
  for (const addon of addons) {
    mkdirSync(join(folder, 'lib', addon), { recursive: true });
    writeFileSync(join(folder, 'lib', addon, 'tfjs_binding.node'), 'no library');
  }
  return folder;
}

describe('the package of the tensorflow engine', () => {
  it('is found in the folder named, itself or its node_modules, with the addon for the highest Node-API', () => {
    const folder = fakePackage('two', 'napi-v8', 'napi-v10');
    const expected = { folder, version: '4.22.0', addon: join(folder, 'lib/napi-v10/tfjs_binding.node') };
    expect(locateTensorflow(folder)).toEqual(expected);
    expect(locateTensorflow(join(scratch, 'two'))).toEqual(expected);
  });

  it('is missing with a sentence that says what to do', () => {
    expect(locateTensorflow(scratch)).toEqual({ missing: expect.stringContaining('pnpm tensorflow:build') });
    fakePackage('bare');
    const { missing } = locateTensorflow(join(scratch, 'bare')) as { missing: string };
    expect(missing).toMatch(/is installed in .*bare.* but its addon is not.*npm rebuild/);
  });

  it('that does not load is a reason, not a crash', async () => {
    fakePackage('broken', 'napi-v8');
    process.env.STRATA_TFJS_NODE = join(scratch, 'broken');
    const failed = await initEngine({ prefer: 'tensorflow' }).catch(serializeError);
    expect(failed).toMatchObject({ code: 'ERR_STRATA_ENGINE_UNAVAILABLE' });
    expect((failed as { message: string }).message).toMatch(/does not load \(.*\); compile it with/);
    expect((await initEngine({ prefer: 'wasm' })).name).toBe('wasm');
  });
});

describe.skipIf(!isBuilt)('the tensorflow engine', () => {
  it('computes, with gradients, on the copy of tfjs-core that the program has', async () => {
    const report = await initEngine({ prefer: 'tensorflow', threads: 1 });
    expect(report).toMatchObject({ name: 'tensorflow', version: '4.22.0' });
    const before = tf.memory().numTensors;
    const product = tf.tidy(() => tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([0, 1, 1, 0], [2, 2])));
    expect(Array.from(product.dataSync())).toEqual([2, 1, 4, 3]);
    const slope = tf.tidy(() => tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor1d([1, -2])));
    expect(Array.from(slope.dataSync())).toEqual([2, -4]);
    tf.dispose([product, slope]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('counts every buffer and keeps to its budget', async () => {
    const device = createDevice(await initEngine({ prefer: 'tensorflow', memoryBytes: 1_000_000 }));
    const base = device.memory.currentBytes;
    const x = tf.zeros([500, 400]);
    expect(device.memory.currentBytes).toBe(base + 800_000);
    const { numTensors, numDataBuffers } = tf.memory();
    expect(() => tf.tile(x, [2, 2])).toThrow(OutOfDeviceMemoryError);
    expect(tf.memory()).toMatchObject({ numTensors, numDataBuffers });
    x.dispose();
    expect(device.memory.currentBytes).toBe(base);
  });

  it('loads in further threads too, if it was compiled against headers of today', async () => {
    const core = pathToFileURL(createRequire(import.meta.url).resolve('@strata-ml/core')).href;
    const code = `
      import(${JSON.stringify(core)}).then(async ({ initEngine, serializeError }) => {
        const report = await initEngine({ prefer: 'tensorflow' }).catch(serializeError);
        require('node:worker_threads').parentPort.postMessage(report);
      });`;
    await initEngine({ prefer: 'tensorflow' });
    const worker = new Worker(code, { eval: true });
    const report = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
    await worker.terminate();
    expect(report).toMatchObject({ name: 'tensorflow' });
  });
});
