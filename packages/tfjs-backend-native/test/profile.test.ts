import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { nativeProfile, resetNativeProfile } from '../src/index.js';
import { KernelWatch, type SlowKernel } from '../src/KernelWatch.js';
import { useEngine } from './support/engines.js';

/** Steps of `kernels` (name, ms), idle otherwise, until the clock reaches `untilMs`. */
function run(watch: KernelWatch, untilMs: number, kernels: readonly (readonly [string, number])[], idleMs = 0): void {
  for (let now = 0; now < untilMs; now += idleMs) {
    for (const [name, ms] of kernels) {
      watch.note(name, now, now + ms);
      now += ms;
    }
  }
}

describe('the watch over JavaScript kernels', () => {
  it('tells once about each kernel that takes more than a tenth of a second step', () => {
    const told: SlowKernel[] = [];
    run(
      new KernelWatch((slow) => told.push(slow)),
      10_000,
      [
        ['Slow', 30],
        ['Fine', 5],
        ['AlsoSlow', 15],
      ],
      50,
    );
    expect(told.map(({ kernel }) => kernel).sort()).toEqual(['AlsoSlow', 'Slow']);
    const slow = told.find(({ kernel }) => kernel === 'Slow')!;
    expect(slow.share).toBeCloseTo(0.3, 1);
    expect(slow.stepMs).toBeGreaterThanOrEqual(1000);
    expect(slow.stepMs).toBeLessThan(1200);
  });

  it('says nothing in the first second, nor about a tenth or less, nor while a program waits for its data', () => {
    const told: SlowKernel[] = [];
    const watch = () => new KernelWatch((slow) => told.push(slow));
    run(watch(), 1050, [['Slow', 90]], 10);
    run(watch(), 20_000, [['Tenth', 9]], 91);
    run(watch(), 60_000, [['Rare', 50]], 5000);
    expect(told).toEqual([]);
  });
});

describe('the profile', () => {
  beforeAll(() => useEngine('native'));

  it('counts what runs as JavaScript, and nothing else', () => {
    resetNativeProfile();
    tf.tidy(() => {
      const x = tf.randomUniform([20, 20]);
      tf.matMul(tf.add(x, 1), x);
      expect(nativeProfile()).toEqual([]);
      tf.cumprod(x);
      tf.cumprod(x);
    });
    const [first, ...rest] = nativeProfile();
    expect(first).toMatchObject({ kernel: 'Cumprod', calls: 2 });
    expect(first!.ms).toBeGreaterThan(0);
    expect(rest).toEqual([]);
  });

  it('is written at the end of a program, and a slow kernel becomes a process warning', () => {
    const folder = mkdtempSync(join(tmpdir(), 'strata-profile-'));
    try {
      const entry = fileURLToPath(new URL('entries/slowKernel.mjs', import.meta.url));
      const out = execFileSync(process.execPath, [entry], {
        encoding: 'utf8',
        env: { ...process.env, STRATA_NATIVE_PROFILE: folder },
        stdio: ['ignore', 'pipe', 'ignore'],
      });
      expect(out).toMatch(
        /^StrataWarning STRATA_JS_KERNEL Cumprod runs as JavaScript .* took \d+ % of the last [\d.]+ s;/,
      );
      expect(out.trim().split('\n')).toHaveLength(1);
      const files = readdirSync(folder);
      expect(files).toHaveLength(1);
      const profile = JSON.parse(readFileSync(join(folder, files[0]!), 'utf8'));
      expect(profile.kernels[0].kernel).toBe('Cumprod');
      expect(profile.wallMs).toBeGreaterThan(profile.kernels[0].ms);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
