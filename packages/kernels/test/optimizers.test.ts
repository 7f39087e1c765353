import { readFileSync } from 'node:fs';
import { expectClose } from '@strata-ml/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { adamStep, OptionError, ShapeError, sgdStep } from '../src/index.js';
import { asShared, asView } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

interface Case {
  options: { lr: number; betas?: [number, number]; eps?: number; weight_decay: number; momentum?: number };
  float64: number[][];
}
const golden = JSON.parse(readFileSync(new URL('golden/optimizers.json', import.meta.url), 'utf8')) as {
  start: number[];
  grads: number[][];
  cases: Record<string, Case>;
};

/** Faster than toEqual on long arrays. */
const sameBits = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((v, i) => Object.is(v, b[i]));

const noise = (n: number, seed: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + seed));

describeEachVariant('optimizer steps', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  for (const [name, { options, float64 }] of Object.entries(golden.cases)) {
    it(`follow PyTorch: ${name}`, () => {
      const k = kernels();
      const params = Float32Array.from(golden.start);
      const [m, v] = [new Float32Array(params.length), new Float32Array(params.length)];
      const { lr, betas: [beta1, beta2] = [0, 0], eps: epsilon = 0, weight_decay: weightDecay, momentum = 0 } = options;
      golden.grads.forEach((g, i) => {
        const grads = Float32Array.from(g);
        if (name.startsWith('adam')) {
          const decoupled = name === 'adamw';
          k.adamStep(params, grads, m, v, { step: i + 1, lr, beta1, beta2, epsilon, weightDecay, decoupled });
        } else {
          k.sgdStep(params, grads, momentum ? m : null, { lr, momentum, weightDecay });
        }
        expectClose(params, float64[i]!);
      });
    });
  }

  it('use the documented defaults', () => {
    const k = kernels();
    const run = (explicit: boolean) => {
      const [p, g, m, v] = [1, 2, 3, 4].map((s) => noise(5, s)) as [
        Float32Array,
        Float32Array,
        Float32Array,
        Float32Array,
      ];
      v.set(v.map((x) => x * x));
      const all = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decoupled: false };
      k.adamStep(p, g, m, v, { step: 2, lr: 0.1, ...(explicit ? all : {}) });
      k.sgdStep(p, g, null, { lr: 0.1, ...(explicit ? { momentum: 0, weightDecay: 0 } : {}) });
      return p;
    };
    expect(run(false)).toEqual(run(true));
  });

  it('give the same bits at every length, in place, from views, shared memory and in pieces', () => {
    const k = kernels();
    const space = new FixedSpace();
    const step = (p: Float32Array, g: Float32Array, m: Float32Array, v: Float32Array) => {
      k.adamStep(p, g, m, v, { step: 3, lr: 0.01, weightDecay: 0.1 });
      k.sgdStep(p, g, m, { lr: 0.1, momentum: 0.5, weightDecay: 0.01 });
    };
    const full = [1, 2, 3, 4].map((s) => noise(20_001, s));
    full[3]!.set(full[3]!.map((x) => x * x));
    const of = (n: number) =>
      full.map((a) => a.slice(0, n)) as [Float32Array, Float32Array, Float32Array, Float32Array];
    const whole = of(20_001);
    step(...whole);
    expect(whole[1]).toEqual(full[1]);
    for (const n of [0, 1, 2, 3, 4, 5, 7, 8, 8191, 8192, 8193, 20_001]) {
      const [p, g, m, v] = of(n);
      const outside = [asView(p), asShared(g), asShared(m), asView(v)] as const;
      step(...outside);
      k.useKernelMemory(space);
      const inside = [space.place(p), space.place(g), space.place(m), space.place(v)] as const;
      step(...inside);
      const mixed = [space.place(p), g, m, space.place(v)] as const;
      step(...mixed);
      k.useKernelMemory(null);
      for (const arrays of [outside, inside, mixed]) {
        for (const [i, a] of arrays.entries()) expect(sameBits(a, whole[i]!.subarray(0, n))).toBe(true);
      }
      for (const a of [...inside, mixed[0], mixed[3]]) space.free(a.byteOffset);
      expect(space.live.size).toBe(0);
    }
  });

  it('let NaN reach the parameters, and only where the gradient holds it', () => {
    const p = new Float32Array(6).fill(1);
    const g = Float32Array.of(1, Number.NaN, 1, 1, 1, Number.NaN);
    kernels().adamStep(p, g, new Float32Array(6), new Float32Array(6), { step: 1, lr: 0.1 });
    expect(Array.from(p, Number.isNaN)).toEqual([false, true, false, false, false, true]);
  });
});

describe('optimizer steps', () => {
  const a = () => new Float32Array(3);

  it('refuse options and lengths that do not fit', () => {
    expect(() => adamStep(a(), a(), a(), a(), { step: 0, lr: 1 })).toThrow(OptionError);
    expect(() => adamStep(a(), a(), a(), a(), { step: 1, lr: 1, beta2: 1 })).toThrow(
      /beta2 must be in \[0, 1\), got 1/,
    );
    expect(() => adamStep(a(), a(), a(), new Float32Array(2), { step: 1, lr: 1 })).toThrow(ShapeError);
    expect(() => sgdStep(a(), new Float32Array(4), null, { lr: 1 })).toThrow(ShapeError);
    expect(() => sgdStep(a(), a(), null, { lr: 1, momentum: 0.9 })).toThrow(OptionError);
  });
});
