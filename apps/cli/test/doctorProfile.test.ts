import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { strata } from './run.js';

// Inside the workspace, so that its programs find the packages.
const root = fileURLToPath(new URL('../node_modules/', import.meta.url));
let folder: string;
const program = (name: string, body: string): string => {
  const file = join(folder, name);
  writeFileSync(file, body);
  return file;
};

beforeAll(() => {
  folder = mkdtempSync(join(root, '.profile-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const PROLOGUE = `
  import { initEngine } from '@strata-ml/core';
  import * as tf from '@tensorflow/tfjs-core';
  await initEngine({ prefer: 'native' });
`;

it('lists what a program left to JavaScript, and passes its arguments on', async () => {
  const file = program(
    'slow.mjs',
    `${PROLOGUE} for (let i = 0; i < Number(process.argv[2]); i++) tf.cumprod(tf.ones([9]));`,
  );
  const { code, stdout } = await strata(['doctor', '--json', '-', '--profile', file, '3']);
  expect(code).toBe(0);
  const { metrics } = JSON.parse(stdout);
  expect(metrics.kernels).toHaveLength(1);
  expect(metrics.kernels[0]).toMatchObject({ kernel: 'Cumprod', calls: 3 });
  expect(metrics.threads).toBe(1);
});

it('says so when nothing did, and when the native engine was not loaded', async () => {
  const fast = await strata(['doctor', '--profile', program('fast.mjs', `${PROLOGUE} tf.add(tf.ones([9]), 1);`)]);
  expect(fast.stdout).toContain('Nothing ran as JavaScript');
  const none = await strata(['doctor', '--profile', program('none.mjs', '1;')]);
  expect(none.stdout).toContain('did not load the native engine');
});

it('refuses a program that fails, and arguments without one', async () => {
  const failed = await strata(['doctor', '--profile', program('bad.mjs', 'process.exit(3);')]);
  expect(failed.code).toBe(2);
  expect(failed.stderr).toContain('it ended with 3');
  const stray = await strata(['doctor', 'stray']);
  expect(stray.code).toBe(2);
  expect(stray.stderr).toContain('--profile');
});
