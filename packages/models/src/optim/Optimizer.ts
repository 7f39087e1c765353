/** Adam, AdamW and SGD on one flat float32 array, by the fused kernels. */
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import { adamStep, sgdStep } from '@strata-ml/kernels';

/** The rules of {@link OptimizerSpec.optimizer}. */
export const optimizers = ['adam', 'adamw', 'sgd'] as const;
/** One of {@link optimizers}. */
export type OptimizerName = (typeof optimizers)[number];

/** Options of {@link createOptimizer}. */
export interface OptimizerSpec {
  /** @defaultValue `'adam'` */
  readonly optimizer?: OptimizerName;
  /** Learning rate, > 0. @defaultValue `0.01` */
  readonly lr?: number;
  /** Adam's first decay, in [0, 1). @defaultValue `0.9` */
  readonly beta1?: number;
  /** Adam's second decay, in [0, 1). @defaultValue `0.999` */
  readonly beta2?: number;
  /** Added to Adam's denominator. @defaultValue `1e-8` */
  readonly epsilon?: number;
  /** SGD's momentum, in [0, 1). @defaultValue `0` */
  readonly momentum?: number;
  /**
   * λ ≥ 0. adam and sgd add λ·θ to the gradient (L2); adamw shrinks θ by lr·λ apart from it. Applies to all parameters.
   * @defaultValue `0`
   */
  readonly weightDecay?: number;
}

/** What a checkpoint needs to continue: the step count and the moment arrays. */
export interface OptimizerState {
  /** Steps taken so far. */
  readonly step: number;
  /** `m` and `v` of Adam, `momentum` of SGD, float32 `[n]`; empty before the first step. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

/** Updates parameters from gradients. */
export interface Optimizer {
  /** The options, defaults filled in. */
  readonly spec: Required<OptimizerSpec>;
  /** Learning rate; may be changed between steps. */
  lr: number;
  /** Moves `params` in place. Both float32 `[n]`; n must not change. Gradients are not changed. */
  step(params: Float32Array, grads: Float32Array): void;
  /** A copy of the state. */
  state(): OptimizerState;
  /** Continues from a saved state. */
  load(state: OptimizerState): void;
}

/**
 * Creates an optimizer; the formulas and defaults are PyTorch's.
 *
 * Kingma, Ba: "Adam", ICLR 2015, arXiv:1412.6980. Loshchilov, Hutter: "Decoupled Weight Decay", ICLR 2019,
 * arXiv:1711.05101.
 *
 * @throws {@link OptionError} that names the first option out of range.
 */
export function createOptimizer(spec: OptimizerSpec = {}): Optimizer {
  const {
    optimizer = 'adam',
    lr = 0.01,
    beta1 = 0.9,
    beta2 = 0.999,
    epsilon = 1e-8,
    momentum = 0,
    weightDecay = 0,
  } = spec;
  const where = 'createOptimizer';
  if (!optimizers.includes(optimizer)) {
    throw new OptionError(where, 'optimizer', optimizer, `one of ${optimizers.join(', ')}`);
  }
  if (!(lr > 0 && lr < Infinity)) throw new OptionError(where, 'lr', lr, '> 0');
  if (!(epsilon >= 0 && epsilon < Infinity)) throw new OptionError(where, 'epsilon', epsilon, '≥ 0');
  if (!(weightDecay >= 0 && weightDecay < Infinity)) throw new OptionError(where, 'weightDecay', weightDecay, '≥ 0');
  for (const [option, got] of Object.entries({ beta1, beta2, momentum })) {
    if (!(got >= 0 && got < 1)) throw new OptionError(where, option, got, 'in [0, 1)');
  }
  return new FlatOptimizer({ optimizer, lr, beta1, beta2, epsilon, momentum, weightDecay });
}

class FlatOptimizer implements Optimizer {
  readonly spec: Required<OptimizerSpec>;
  lr: number;
  #step = 0;
  #arrays: Record<string, Float32Array> = {};

  constructor(spec: Required<OptimizerSpec>) {
    this.spec = spec;
    this.lr = spec.lr;
  }

  /** Names of the arrays this rule keeps. */
  get #names(): readonly string[] {
    if (this.spec.optimizer !== 'sgd') return ['m', 'v'];
    return this.spec.momentum > 0 ? ['momentum'] : [];
  }

  step(params: Float32Array, grads: Float32Array): void {
    const n = params.length;
    if (grads.length !== n) throw new ShapeError('Optimizer.step', 'grads', [grads.length], `[${n}]`);
    for (const name of this.#names) {
      this.#arrays[name] ??= new Float32Array(n);
      const { length } = this.#arrays[name];
      if (length !== n) throw new ShapeError('Optimizer.step', 'params', [n], `[${length}]`);
    }
    this.#step++;
    const { lr, spec } = this;
    const { beta1, beta2, epsilon, momentum, weightDecay } = spec;
    if (spec.optimizer === 'sgd') {
      sgdStep(params, grads, this.#arrays.momentum ?? null, { lr, momentum, weightDecay });
      return;
    }
    const decoupled = spec.optimizer === 'adamw';
    const { m, v } = this.#arrays as { m: Float32Array; v: Float32Array };
    adamStep(params, grads, m, v, { step: this.#step, lr, beta1, beta2, epsilon, weightDecay, decoupled });
  }

  state(): OptimizerState {
    return {
      step: this.#step,
      arrays: Object.fromEntries(Object.entries(this.#arrays).map(([name, data]) => [name, data.slice()])),
    };
  }

  load(state: OptimizerState): void {
    if (!(Number.isSafeInteger(state.step) && state.step >= 0)) {
      throw new DataError(`Optimizer.load: step must be an integer ≥ 0, got ${state.step}`);
    }
    const expected = state.step === 0 ? Object.keys(state.arrays) : this.#names;
    const missing = expected.find((name) => !(state.arrays[name] instanceof Float32Array));
    if (missing !== undefined) {
      throw new DataError(
        `Optimizer.load: arrays must hold ${expected.join(', ')} of ${this.spec.optimizer}, got none for ${missing}`,
      );
    }
    this.#step = state.step;
    this.#arrays = Object.fromEntries(expected.map((name) => [name, state.arrays[name]!.slice()]));
  }
}
