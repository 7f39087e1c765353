import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createModel, dataFolder, loadExamples, readIdx, seedMathRandom, train, useEngine } from '../src/index.js';

const folder = dataFolder();
const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

describe('readIdx', () => {
  let scratch = '';
  beforeAll(() => {
    scratch = mkdtempSync(join(tmpdir(), 'strata-idx-'));
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const written = (name: string, bytes: readonly number[]) => {
    const path = join(scratch, name);
    writeFileSync(path, gzipSync(Uint8Array.from(bytes)));
    return path;
  };

  it('reads shape and values', () => {
    const { shape, values } = readIdx(written('good', [0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]));
    expect(shape).toEqual([2, 3]);
    expect([...values]).toEqual([1, 2, 3, 4, 5, 255]);
  });

  it('names what is cut short or something else', () => {
    expect(() => readIdx(written('short', [0, 0, 8, 1, 0, 0, 0, 3, 1, 2]))).toThrow(
      /hold 3 values of shape \[3\], got 2/,
    );
    expect(() => readIdx(written('floats', [0, 0, 13, 1, 0, 0, 0, 0]))).toThrow(/unsigned bytes, got magic 00000d01/);
  });
});

describe.skipIf(!folder)('the classifier, with the data set fashion-mnist', () => {
  beforeAll(() => useEngine('native'));

  it('has 225,034 parameters and computes on native', () => {
    const model = createModel();
    expect(model.countParams()).toBe(225_034);
    expect(tf.getBackend()).toBe('native');
    model.dispose();
  });

  it('loads pixels in [0, 1] and one class per image', () => {
    const { images, labels } = loadExamples(folder!, 't10k', 100);
    expect(images.shape).toEqual([100, 28, 28, 1]);
    expect([tf.min(images).dataSync()[0], tf.max(images).dataSync()[0]]).toEqual([0, 1]);
    expect([...tf.sum(labels, 1).dataSync()]).toEqual(Array(100).fill(1));
    // The first ten labels of the official test file.
    expect([...tf.argMax(labels, 1).dataSync().slice(0, 10)]).toEqual([9, 2, 1, 1, 6, 1, 4, 6, 5, 7]);
    tf.dispose([images, labels]);
  });

  it('learns within a few steps, the same in every run with a seed, and stops when told', async () => {
    const run = () => {
      seedMathRandom(7);
      return train({ folder: folder!, epochs: 4, batchSize: 32, count: 96, validation: 0, maxSteps: 11 });
    };
    const { stepLosses, testAccuracy } = await run();
    expect(stepLosses).toHaveLength(11);
    expect(testAccuracy).toBeUndefined();
    expect(stepLosses[0]).toBeGreaterThan(2); // chance is ln 10 = 2.303
    expect(Math.min(...stepLosses.slice(-3))).toBeLessThan(0.9 * stepLosses[0]!);
    expect((await run()).stepLosses).toEqual(stepLosses);
  });

  it('leaves no tensors behind', async () => {
    const before = tf.memory().numTensors;
    await train({ folder: folder!, epochs: 1, batchSize: 32, count: 64, validation: 64, maxSteps: 2 });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('tests the epoch that is best on the images held out, and no tensor stays', async () => {
    seedMathRandom(7);
    const before = tf.memory().numTensors;
    const { epochs, testedEpoch, testAccuracy } = await train({
      folder: folder!,
      epochs: 3,
      batchSize: 32,
      count: 320,
      validation: 200,
    });
    const held = epochs.map(({ validationAccuracy }) => validationAccuracy!);
    expect(testedEpoch).toBe(1 + held.indexOf(Math.max(...held)));
    expect(testAccuracy).toBeGreaterThan(0.2); // chance is 0.1
    expect(tf.memory().numTensors).toBe(before);
  });

  it('loads from the image on that is asked for', () => {
    const { images, labels } = loadExamples(folder!, 't10k', 5, 5);
    expect([...tf.argMax(labels, 1).dataSync()]).toEqual([1, 4, 6, 5, 7]);
    expect(loadExamples(folder!, 't10k', 5, 9_998).labels.shape[0]).toBe(2);
    tf.dispose([images, labels]);
  });
});

describe('the program', () => {
  const run = (...args: string[]) => spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });

  it('refuses what it does not know in one line', () => {
    for (const args of [['--engine', 'gpu'], ['--epochs', '0'], ['--validation', '60000'], ['--what']]) {
      const { status, stderr } = run(...args);
      expect(status).toBe(2);
      expect(stderr.trim().split('\n')).toHaveLength(1);
    }
  });

  it('explains its flags', () => {
    expect(run('--help').stdout).toContain('--engine NAME');
  });
});
