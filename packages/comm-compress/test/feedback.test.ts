import { OptionError, Rng, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as c from '../src/index.js';

const rng = new Rng(3);
const x64 = fc.float32Array({ minLength: 16, maxLength: 16, noNaN: true, min: -100, max: 100 });

function send(codec: c.Codec, y: Float32Array, shape = [y.length], step = 0): Float32Array {
  const sent = new Float32Array(y.length);
  codec.decode(codec.encode(y, shape, 'w', rng.split(step)), sent);
  return sent;
}

describe('ErrorFeedback', () => {
  it.each([
    ['topK', c.topK({ ratio: 0.2 })],
    ['efSign', c.efSign()],
    ['int8', c.int8({ block: 16 })],
    ['randomK', c.randomK({ ratio: 0.25 })],
    ['powerSGD', c.powerSgd({ rank: 1 })],
  ])('%s: sent + new error = gradient + old error', (_, codec) => {
    fc.assert(
      fc.property(fc.array(x64, { minLength: 1, maxLength: 4 }), (gradients) => {
        const feedback = new c.ErrorFeedback();
        for (const [step, g] of gradients.entries()) {
          const before = feedback.errorOf('w')?.slice() ?? new Float32Array(g.length);
          const y = feedback.compensate('w', g);
          const sent = send(codec, y, [4, 4], step);
          feedback.update('w', y, sent);
          const error = feedback.errorOf('w')!;
          for (let i = 0; i < g.length; i++) {
            expect(y[i]! + 0).toBe(Math.fround(g[i]! + before[i]!) + 0); // + 0: −0 counts as 0
            expect(error[i]! + 0).toBe(Math.fround(y[i]! - sent[i]!) + 0);
          }
        }
      }),
      { numRuns: 30 },
    );
  });

  it('momentum with feedback accumulates both, and zeroes them where something was sent', () => {
    const feedback = new c.ErrorFeedback({ kind: 'momentumEf', momentum: 0.5 });
    let y = feedback.compensate('w', Float32Array.of(4, 1));
    expect([...y]).toEqual([4, 1]);
    feedback.update('w', y, Float32Array.of(4, 0));
    y = feedback.compensate('w', Float32Array.of(2, 1)); // u = [2, 1.5], v = [2, 2.5]
    expect([...y]).toEqual([2, 2.5]);
    feedback.update('w', y, Float32Array.of(0, 2.5));
    expect([...feedback.compensate('w', Float32Array.of(0, 0))]).toEqual([3, 0]); // u = [1, 0], v = [3, 0]
  });

  it('a skipped step leaves no trace', () => {
    const feedback = new c.ErrorFeedback({ canRollBack: true });
    const step = (g: number[]) => {
      const y = feedback.compensate('w', Float32Array.from(g));
      feedback.update(
        'w',
        y,
        Float32Array.from(y, (v, i) => (i === 0 ? v : 0)),
      );
      return [...y];
    };
    step([1, 2]);
    step([100, 100]);
    feedback.rollback();
    expect(step([1, 1])).toEqual([1, 3]);
    expect(() => new c.ErrorFeedback().rollback()).toThrow(OptionError);
  });

  it('streams share nothing, shapes do not change in silence, state survives', () => {
    const feedback = new c.ErrorFeedback();
    feedback.update('a', Float32Array.of(1, 2), Float32Array.of(0, 0));
    expect([...feedback.compensate('b', Float32Array.of(5, 5))]).toEqual([5, 5]);
    expect(() => feedback.compensate('a', new Float32Array(3))).toThrow(ShapeError);
    const other = new c.ErrorFeedback();
    other.load(feedback.state());
    expect([...other.compensate('a', Float32Array.of(1, 1))]).toEqual([2, 3]);
    expect(feedback.stateBytes()).toBe(8);
    feedback.reset('a');
    expect(feedback.compensate('a', new Float32Array(3)).length).toBe(3);
  });
});

describe('convergence', () => {
  it('signSGD never improves f(x) = ε|x₁ + x₂| + |x₁ − x₂| from (1, 1); with feedback it does', () => {
    const epsilon = 0.3;
    const f = ([a, b]: readonly [number, number]) => epsilon * Math.abs(a + b) + Math.abs(a - b);
    const gradient = ([a, b]: readonly [number, number]) => {
      const [s, d] = [epsilon * Math.sign(a + b), Math.sign(a - b)];
      // At the kink both directions are subgradients; this one is of the kind that a random sample gives.
      return Float32Array.of(s + (d || 1), s - (d || 1));
    };
    const run = (codec: c.Codec, feedback: c.ErrorFeedback | undefined) => {
      let x: readonly [number, number] = [1, 1];
      let best = f(x);
      for (let t = 0; t < 2000; t++) {
        const g = gradient(x).map((v) => 0.01 * v);
        const y = feedback ? feedback.compensate('x', g) : g;
        const sent = send(codec, y).map((v) => (feedback ? v : 0.01 * v));
        feedback?.update('x', y, sent);
        x = [x[0] - sent[0]!, x[1] - sent[1]!];
        best = Math.min(best, f(x));
      }
      return best;
    };
    expect(run(c.signSgd(), undefined)).toBeGreaterThanOrEqual(f([1, 1]) - 1e-12);
    expect(run(c.efSign(), new c.ErrorFeedback())).toBeLessThan(0.1 * f([1, 1]));
  });

  it('eight workers on a quadratic: every codec with feedback reaches the optimum, Top-K without stalls higher', () => {
    const [n, workers] = [32, 8];
    // Worker w has the optimum a_w; the mean of all is the optimum of the sum.
    const optima = Array.from({ length: workers }, (_, w) =>
      Float32Array.from({ length: n }, (_, i) => 1 + (i % 5) + 0.1 * rng.normalAt(i, w)),
    );
    const best = Float64Array.from({ length: n }, (_, i) => optima.reduce((s, a) => s + a[i]!, 0) / workers);
    const run = (codec: c.Codec, isFeedback: boolean) => {
      const memories = optima.map(() => new c.ErrorFeedback());
      const x = new Float32Array(n);
      const rate = (t: number) => (t < 200 ? 0.05 : 0.05 * 0.996 ** (t - 200));
      for (let t = 0; t < 1200; t++) {
        const step = new Float64Array(n);
        optima.forEach((a, w) => {
          const g = x.map((v, i) => rate(t) * (v - a[i]!));
          const y = isFeedback ? memories[w]!.compensate('x', g) : g;
          const sent = new Float32Array(n);
          codec.decode(codec.encode(y, [8, 4], `x${w}`, rng.split(t, codec.aggregation === 'linear' ? 0 : w)), sent);
          if (isFeedback) memories[w]!.update('x', y, sent);
          sent.forEach((v, i) => {
            step[i]! += v / workers;
          });
        });
        step.forEach((v, i) => {
          x[i]! -= v;
        });
      }
      return Math.sqrt(best.reduce((s, v, i) => s + (v - x[i]!) ** 2, 0) / n);
    };
    const codecs = [c.topK({ ratio: 0.1 }), c.efSign(), c.oneBitSgd(), c.oneBit(), c.int8({ block: 16 })];
    const more = [c.randomK({ ratio: 0.2 }), c.powerSgd({ rank: 1 }), c.bf16(), c.qsgd({ bucket: 16 })];
    for (const codec of [...codecs, ...more]) expect(run(codec, true), codec.id).toBeLessThan(1e-3);
    expect(run(c.topK({ ratio: 0.1 }), false)).toBeGreaterThan(0.01);
  });

  it('rejects what cannot be', () => {
    expect(() => new c.ErrorFeedback({ momentum: 1 })).toThrow(OptionError);
    expectClose([c.relativeError(Float32Array.of(3, 4), Float32Array.of(3, 0))], [0.8]);
  });
});
