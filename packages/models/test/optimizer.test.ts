import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { createOptimizer, type OptimizerSpec } from '../src/index.js';
import { golden } from './support/goldenGraph.js';

const specs: Record<string, OptimizerSpec> = {
  adam: { optimizer: 'adam', lr: 0.02, weightDecay: 5e-3 },
  adamw: { optimizer: 'adamw', lr: 0.02, weightDecay: 5e-2 },
  sgd: { optimizer: 'sgd', lr: 0.05, momentum: 0.9, weightDecay: 1e-2 },
};

describe('createOptimizer', () => {
  it.each(golden.optimizers)('$optimizer equals PyTorch after each of five steps', ({ optimizer, start, ...steps }) => {
    const rule = createOptimizer(specs[optimizer]!);
    const params = Float32Array.from(start);
    steps.gradients.forEach((gradient, i) => {
      rule.step(params, Float32Array.from(gradient));
      expectClose(params, steps.after[i]!, { why: 'float32 against PyTorch in float64' });
    });
    expect(rule.state().step).toBe(5);
  });

  it.each(golden.optimizers)(
    '$optimizer continues from its saved state, bit for bit',
    ({ optimizer, start, gradients }) => {
      const run = (rule: ReturnType<typeof createOptimizer>, params: Float32Array, from: number, to: number) =>
        gradients.slice(from, to).forEach((g) => {
          rule.step(params, Float32Array.from(g));
        });
      const whole = Float32Array.from(start);
      run(createOptimizer(specs[optimizer]!), whole, 0, 5);
      const first = createOptimizer(specs[optimizer]!);
      const params = Float32Array.from(start);
      run(first, params, 0, 2);
      const saved = first.state();
      run(first, params.slice(), 2, 5); // the copy in `saved` must not move with it
      const second = createOptimizer(specs[optimizer]!);
      second.load(saved);
      run(second, params, 2, 5);
      expect([...params]).toEqual([...whole]);
    },
  );

  it('follows a learning rate that changes between steps', () => {
    const rule = createOptimizer({ optimizer: 'sgd', lr: 1 });
    const params = Float32Array.of(0);
    rule.step(params, Float32Array.of(1));
    rule.lr = 0.5;
    rule.step(params, Float32Array.of(1));
    expect(params[0]).toBe(-1.5);
  });

  it('refuses wrong options, lengths and states', () => {
    for (const wrong of [{ lr: 0 }, { lr: Number.NaN }, { beta1: 1 }, { momentum: -1 }, { weightDecay: -1e-9 }]) {
      expect(() => createOptimizer(wrong)).toThrow(OptionError);
    }
    expect(() => createOptimizer({ optimizer: 'lamb' } as unknown as OptimizerSpec)).toThrow('one of adam, adamw, sgd');
    const rule = createOptimizer();
    expect(() => rule.step(new Float32Array(2), new Float32Array(3))).toThrow(ShapeError);
    rule.step(new Float32Array(2), new Float32Array(2));
    expect(() => rule.step(new Float32Array(3), new Float32Array(3))).toThrow(ShapeError);
    expect(() => rule.load({ step: 3, arrays: { m: new Float32Array(2) } })).toThrow(DataError);
    expect(() => rule.load({ step: -1, arrays: {} })).toThrow(DataError);
  });
});
