import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { ShapeError } from '../src/errors.js';
import * as oracle from './oracles/training.js';
import { asView, width } from './support/arbitrary.js';
import { FixedSpace } from './support/FixedSpace.js';
import { describeEachVariant } from './support/variants.js';

/** Distinct numbers in ± scale. */
const noise = (n: number, seed: number, scale = 2): Float32Array =>
  Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + seed * 78.233) * scale);
const size = fc.record({ rows: fc.integer({ min: 1, max: 5 }), width, seed: fc.nat(99) });
const list = (x: ArrayLike<number>): number[] => Array.from(x);
const limits = { rtol: 3e-5, atol: 3e-5, why: 'float32 over up to 99 terms, against float64' };
const loose = { rtol: 1e-3, atol: 2e-4, why: 'central differences' };

describeEachVariant('layers of dense networks', (kernels) => {
  afterEach(() => kernels().useKernelMemory(null));

  it('layer norm and its gradient are those of the definition', () => {
    const property = fc.property(size, ({ rows, width, seed }) => {
      const k = kernels();
      const [x, gamma, beta, dy] = [rows * width, width, width, rows * width].map((n, i) => asView(noise(n, seed + i)));
      const [out, stats] = [new Float32Array(rows * width), new Float32Array(2 * rows)];
      k.layerNormInto(x!, gamma!, beta!, 0.1, out, stats);
      const f = (x: number[], g = list(gamma!), b = list(beta!)) =>
        oracle.layerNorm(oracle.rowsOf(x, width), g, b, 0.1);
      expectClose(out, f(list(x!)), limits);
      const [dx, dGamma, dBeta] = [rows * width, width, width].map((n) => new Float32Array(n).fill(NaN));
      k.layerNormGradientInto(x!, dy!, gamma!, stats, dx!, dGamma!, dBeta!);
      const scale = { ...loose, atol: 1e-3 };
      expectClose(
        dx!,
        oracle.gradient((v) => f(v), list(x!), dy!),
        scale,
      );
      expectClose(
        dGamma!,
        oracle.gradient((v) => f(list(x!), v), list(gamma!), dy!),
        scale,
      );
      expectClose(
        dBeta!,
        oracle.gradient((v) => f(list(x!), list(gamma!), v), list(beta!), dy!),
        scale,
      );
    });
    fc.assert(property, { numRuns: 25 });
  });

  it('batch norm, with ReLU and residual or without, and its gradient are those of the definition', () => {
    const options = fc.record({ relu: fc.boolean(), hasResidual: fc.boolean(), rows: fc.constantFrom(3, 65, 130) });
    const columns = fc.constantFrom(1, 3, 4, 6, 16, 17);
    const property = fc.property(options, columns, fc.nat(99), ({ relu, hasResidual, rows }, width, seed) => {
      const k = kernels();
      const n = rows * width;
      // A mean of 40 with a spread of 1: the sum of squares alone would lose the variance.
      const x = asView(noise(n, seed).map((v) => v + 40));
      const [gamma, beta, dy, other] = [width, width, n, n].map((n, i) => noise(n, seed + i + 1));
      const residual = hasResidual ? other! : undefined;
      const [out, stats] = [new Float32Array(n), new Float32Array(2 * width)];
      k.batchNormInto(x, gamma!, beta!, out, stats, { epsilon: 0.1, relu, ...(residual ? { residual } : {}) });
      const f = (x: number[], g = list(gamma!), b = list(beta!), o = residual && oracle.rowsOf(residual, width)) =>
        oracle.batchNorm(oracle.rowsOf(x, width), g, b, 0.1, relu, o);
      expectClose(out, f(list(x)), { rtol: 1e-4, atol: 1e-4, why: 'x has a mean of 40 spreads' });
      const [dx, dGamma, dBeta, dResidual] = [n, width, width, n].map((n) => new Float32Array(n).fill(NaN));
      k.batchNormGradientInto(x, dy!, gamma!, stats, dx!, dGamma!, dBeta!, {
        epsilon: 0.1,
        ...(relu ? { output: out } : {}),
        ...(residual ? { dResidual: dResidual! } : {}),
      });
      const weights = Float64Array.from(dy!, (d, i) => (relu && out[i]! <= 0 ? 0 : d));
      // The masked weights take the place of the ReLU, which bends.
      const smooth = (x: number[], g = list(gamma!), b = list(beta!)) =>
        oracle.batchNorm(oracle.rowsOf(x, width), g, b, 0.1, false);
      const some = Array.from({ length: Math.min(n, 12) }, (_, i) => Math.floor((i * n) / 12));
      const expected = some.map((i) => {
        const at = (v: number[]) => smooth(list(x).map((old, j) => (j === i ? v[0]! : old)));
        return oracle.gradient(at, [x[i]!], weights)[0]!;
      });
      expectClose(
        some.map((i) => dx![i]!),
        expected,
        { rtol: 2e-3, atol: 2e-3, why: 'central differences' },
      );
      const bound = { rtol: 2e-3, atol: 2e-3, why: 'central differences' };
      expectClose(
        dGamma!,
        oracle.gradient((v) => smooth(list(x), v), list(gamma!), weights),
        bound,
      );
      expectClose(
        dBeta!,
        oracle.gradient((v) => smooth(list(x), list(gamma!), v), list(beta!), weights),
        bound,
      );
      if (residual) expectClose(dResidual!, weights);
    });
    fc.assert(property, { numRuns: 16 });
  });

  it('softmax scales, masks, leaves the triangle out, and hands gradients back', () => {
    const options = fc.record({
      scale: fc.constantFrom(1, 0.3),
      causal: fc.boolean(),
      mask: fc.constantFrom('none', 'row', 'full'),
    });
    const property = fc.property(size, options, ({ rows, width, seed }, { scale, causal, mask }) => {
      const k = kernels();
      const n = rows * width;
      const [x, dp] = [asView(noise(n, seed, 8)), noise(n, seed + 1)];
      const added = noise(mask === 'row' ? width : n, seed + 2);
      added[0] = -Infinity;
      const [valid, step] = causal ? [1, 1] : [width, 0];
      const out = new Float32Array(n).fill(NaN);
      k.maskedSoftmaxInto(x, width, out, { scale, valid, step, ...(mask === 'none' ? {} : { mask: added }) });
      const maskAt = (r: number, c: number) => (mask === 'none' ? 0 : added[mask === 'row' ? c : r * width + c]!);
      const f = (v: number[]) => oracle.maskedSoftmax(oracle.rowsOf(v, width), scale, valid, step, maskAt);
      expectClose(out, f(list(x)), limits);
      const dx = new Float32Array(n).fill(NaN);
      k.maskedSoftmaxGradientInto(out, dp, width, dx, { scale, valid, step });
      expectClose(dx, oracle.gradient(f, list(x), dp), loose);
    });
    fc.assert(property, { numRuns: 40 });
  });

  it('cross-entropy and its gradient are those of the definition, −∞ included', () => {
    const property = fc.property(size, ({ rows, width, seed }) => {
      const k = kernels();
      const n = rows * width;
      const x = asView(noise(n, seed, 10));
      const targets = noise(n, seed + 1).map((v) => Math.max(0, v));
      if (targets[0] === 0 && width > 1) x[0] = -Infinity;
      const [loss, gradient] = [new Float32Array(rows), new Float32Array(n).fill(NaN)];
      k.crossEntropyInto(x, targets, width, loss, gradient);
      const f = (v: number[]) => oracle.crossEntropy(oracle.rowsOf(v, width), oracle.rowsOf(targets, width));
      expectClose(loss, f(list(x)), limits);
      const finite = list(x).map((v) => (v === -Infinity ? -700 : v));
      expectClose(gradient, oracle.gradient(f, finite, new Float32Array(rows).fill(1)), { ...loose, atol: 1e-3 });
      const alone = new Float32Array(rows);
      k.crossEntropyInto(x, targets, width, alone);
      expect(alone).toEqual(loss);
    });
    fc.assert(property, { numRuns: 30 });
  });

  it.each(['tanh', 'erf'] as const)('GELU by %s is within 3·10⁻⁷, and its slope within 10⁻⁶', (form) => {
    const k = kernels();
    const x = Float32Array.from({ length: 1203 }, (_, i) => (i - 601) / 100);
    const [y, slope] = [new Float32Array(x.length), new Float32Array(x.length)];
    k.geluInto(x, form, y, slope);
    x.forEach((v, i) => {
      expect(Math.abs(y[i]! - oracle.gelu(v, form))).toBeLessThanOrEqual(3e-7 * Math.max(1, Math.abs(v)));
      const numeric = (oracle.gelu(v + 1e-5, form) - oracle.gelu(v - 1e-5, form)) / 2e-5;
      // Further out the series of the oracle has no digits left for a difference.
      if (Math.abs(v) < 3.5) expect(Math.abs(slope[i]! - numeric)).toBeLessThan(1e-6);
    });
    const alone = new Float32Array(x.length);
    k.geluInto(x, form, alone);
    expect(alone).toEqual(y);
  });

  it('bias and activation in one pass equal their parts, and so does the gradient', () => {
    const forms = fc.constantFrom('linear', 'relu', 'gelu', 'gelu-erf' as const);
    const property = fc.property(size, forms, ({ rows, width, seed }, activation) => {
      const k = kernels();
      const n = rows * width;
      const [z, bias, dy] = [asView(noise(n, seed)), noise(width, seed + 1), asView(noise(n, seed + 2))];
      const moved = z.map((v, i) => v + bias[i % width]!);
      const [expected, slope] = [moved.slice(), new Float32Array(n)];
      if (activation === 'relu') for (let i = 0; i < n; i++) expected[i] = Math.max(0, moved[i]!);
      else if (activation !== 'linear') k.geluInto(moved, activation === 'gelu' ? 'tanh' : 'erf', expected, slope);
      const [out, derivative] = [new Float32Array(n), new Float32Array(n)];
      const isGelu = activation.startsWith('gelu');
      k.activateInto(z, bias, activation, out, isGelu ? derivative : undefined);
      expect(out).toEqual(expected);
      if (isGelu) expect(derivative).toEqual(slope);
      const [dz, dBias] = [new Float32Array(n), new Float32Array(width).fill(NaN)];
      k.activationGradientInto(dy, activation, isGelu ? slope : out, dz, dBias);
      const wanted = dy.map((d, i) => (isGelu ? d * slope[i]! : activation === 'relu' && out[i]! <= 0 ? 0 : d));
      if (activation !== 'linear') expectClose(dz, wanted);
      expectClose(
        dBias,
        Float64Array.from(bias, (_, c) => oracle.rowsOf(wanted, width).reduce((t, row) => t + row[c]!, 0)),
        {
          atol: 1e-5,
          why: 'another order of the sum',
        },
      );
    });
    fc.assert(property, { numRuns: 60 });
  });

  it('work in place in a device memory, and give their scratch back', () => {
    const k = kernels();
    const space = new FixedSpace();
    k.useKernelMemory(space);
    const [x, gamma, beta, stats] = [noise(35, 1), noise(7, 2), noise(7, 3), noise(10, 4)].map((v) => space.place(v));
    const expected = oracle.layerNorm(oracle.rowsOf(x!, 7), list(gamma!), list(beta!), 0.1);
    k.layerNormInto(x!, gamma!, beta!, 0.1, x!, stats!);
    expectClose(x!, expected, limits);
    const live = space.live.size;
    const [dGamma, dBeta] = [space.place(gamma!), space.place(beta!)];
    k.layerNormGradientInto(x!, x!, gamma!, stats!, x!, dGamma, dBeta);
    expect(space.live.size).toBe(live + 2);
  });

  it('refuse what does not fit', () => {
    const k = kernels();
    const f = (n: number) => new Float32Array(n);
    // Fresh modules have classes of their own: compare names.
    const shape = { name: 'Error', code: new ShapeError('a', 'b', [], 'c').code };
    for (const call of [
      () => k.layerNormInto(f(7), f(3), f(3), 0, f(7), f(2)),
      () => k.batchNormInto(f(0), f(3), f(3), f(0), f(6)),
      () => k.maskedSoftmaxInto(f(6), 3, f(5)),
      () => k.maskedSoftmaxInto(f(6), 3, f(6), { mask: f(4) }),
      () => k.crossEntropyInto(f(6), f(6), 3, f(3)),
      () => k.geluInto(f(3), 'erf', f(4)),
      () => k.activateInto(f(6), f(4), 'relu', f(6)),
    ]) {
      expect(call).toThrow(expect.objectContaining({ code: shape.code }));
    }
  });
});
