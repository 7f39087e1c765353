/** Optimizers for tfjs that update every parameter in one pass over memory, in place where the backend allows it. */
import { adamStep, OptionError, readTensor, sgdStep } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { changeVariables } from './inPlace.js';

/** Options of {@link fusedAdam} and {@link fusedAdamW}. */
export interface FusedAdamOptions {
  /** Decay of the first moment, in [0, 1). @defaultValue `0.9` */
  readonly beta1?: number;
  /** Decay of the second moment, in [0, 1). @defaultValue `0.999` */
  readonly beta2?: number;
  /** Added to the root of the second moment. @defaultValue `1e-8` */
  readonly epsilon?: number;
  /** λ ≥ 0. Adam adds λ · parameter to the gradient, AdamW shrinks the parameter. @defaultValue `0`, AdamW `0.01` */
  readonly weightDecay?: number;
}

/** Options of {@link fusedSgd}. */
export interface FusedSgdOptions {
  /** Share of the last change that is kept, in [0, 1). @defaultValue `0` */
  readonly momentum?: number;
  /** λ ≥ 0: λ · parameter is added to the gradient. @defaultValue `0` */
  readonly weightDecay?: number;
}

/** A tensor and the name of its variable; tfjs does not export its type. */
type NamedTensor = Awaited<ReturnType<tf.Optimizer['getWeights']>>[number];

/** One rule: what it keeps for each parameter, and how it moves it. */
interface Rule {
  /** Name under which a saved model finds its optimizer again: tfjs's own where one has the same state. */
  readonly className: string;
  readonly slots: readonly string[];
  readonly config: Readonly<Record<string, number | boolean>>;
  step(learningRate: number, iteration: number, gradient: Float32Array, values: readonly Float32Array[]): void;
}

/**
 * Adam, with PyTorch's formula and defaults, as a `tf.Optimizer`: for `minimize`, `applyGradients` and `model.compile`.
 *
 * Kingma, Ba: "Adam", ICLR 2015, arXiv:1412.6980.
 *
 * @param learningRate - > 0; may be changed between steps
 * @throws OptionError if an option is out of range.
 */
export function fusedAdam(learningRate = 1e-3, options: FusedAdamOptions = {}): FusedOptimizer {
  return new FusedOptimizer(learningRate, adamRule('fusedAdam', options, false));
}

/**
 * AdamW: {@link fusedAdam} whose weight decay stays out of the moments.
 *
 * Loshchilov, Hutter: "Decoupled weight decay regularization", ICLR 2019, arXiv:1711.05101.
 *
 * @throws OptionError if an option is out of range.
 */
export function fusedAdamW(learningRate = 1e-3, options: FusedAdamOptions = {}): FusedOptimizer {
  return new FusedOptimizer(learningRate, adamRule('fusedAdamW', { weightDecay: 0.01, ...options }, true));
}

/**
 * Stochastic gradient descent, with momentum if wanted, by PyTorch's formula (b ← μ·b + g, p ← p − lr·b).
 *
 * @throws OptionError if an option is out of range.
 */
export function fusedSgd(learningRate = 0.01, { momentum = 0, weightDecay = 0 }: FusedSgdOptions = {}): FusedOptimizer {
  checkRange('fusedSgd', { momentum }, { weightDecay });
  return new FusedOptimizer(learningRate, {
    className: momentum > 0 ? 'Momentum' : 'SGD',
    slots: momentum > 0 ? ['momentum'] : [],
    config: momentum > 0 ? { momentum, weightDecay, useNesterov: false } : { weightDecay },
    step: (lr, _, gradient, [p, buffer]) => sgdStep(p!, gradient, buffer ?? null, { lr, momentum, weightDecay }),
  });
}

function adamRule(where: string, options: FusedAdamOptions, decoupled: boolean): Rule {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
  checkRange(where, { beta1, beta2 }, { epsilon, weightDecay });
  return {
    className: decoupled ? 'AdamW' : 'Adam',
    slots: ['m', 'v'],
    config: { beta1, beta2, epsilon, weightDecay },
    step: (lr, step, gradient, [p, m, v]) =>
      adamStep(p!, gradient, m!, v!, { step, lr, beta1, beta2, epsilon, weightDecay, decoupled }),
  };
}

/** What {@link fusedAdam} and its kin give: a `tf.Optimizer` whose learning rate may be changed between steps. */
export class FusedOptimizer extends tf.Optimizer {
  /** The name of its class of optimizers; an instance answers `getClassName` by its rule. */
  static readonly className = 'FusedOptimizer';
  /** Step size; may be changed between steps. */
  learningRate: number;
  readonly #rule: Rule;
  /** Moments, by the name of the parameter. */
  readonly #state = new Map<string, tf.Variable[]>();

  /** Use {@link fusedAdam}, {@link fusedAdamW} or {@link fusedSgd}. */
  /** @internal Made by {@link fusedAdam} and its like. */
  constructor(learningRate: number, rule: Rule) {
    super();
    if (!(learningRate > 0 && learningRate < Infinity)) {
      throw new OptionError('optimizer', 'learningRate', learningRate, '> 0');
    }
    this.learningRate = learningRate;
    this.#rule = rule;
  }

  override getClassName(): string {
    return this.#rule.className;
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { learningRate: this.learningRate, ...this.#rule.config };
  }

  /** Moves the variables named in `gradients`; a variable without a gradient stays as it is. */
  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[]): void {
    const named = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    this.incrementIterations();
    for (const { name, tensor } of named) {
      // tfjs gives null for a variable that the loss does not depend on.
      if (!tensor) continue;
      const variable = tf.engine().registeredVariables[name];
      if (!variable) throw new OptionError('applyGradients', 'each name', name, 'that of a variable');
      const gradient = readTensor(tensor);
      changeVariables([variable, ...this.#slotsOf(name, variable)], (...values) =>
        this.#rule.step(this.learningRate, this.iterations, gradient, values),
      );
    }
  }

  /** Frees the moments. */
  override dispose(): void {
    for (const slots of this.#state.values()) tf.dispose(slots);
    this.#state.clear();
  }

  /** The step count, then each slot of all parameters, as tfjs's own optimizers order them. */
  override async getWeights(): Promise<NamedTensor[]> {
    const slots = this.#rule.slots.flatMap((slot, i) =>
      Array.from(this.#state, ([name, variables]) => ({ name: `${name}/${slot}`, tensor: variables[i]! })),
    );
    return [await this.saveIterations(), ...slots];
  }

  /** Continues from what `getWeights` gave; the tensors are copied. */
  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const rest = await this.extractIterations(weights);
    const { slots } = this.#rule;
    const count = slots.length === 0 ? 0 : rest.length / slots.length;
    this.dispose();
    for (let i = 0; i < count; i++) {
      const name = rest[i]!.name.slice(0, -slots[0]!.length - 1);
      this.#state.set(
        name,
        slots.map((_, slot) => tf.variable(rest[slot * count + i]!.tensor, false)),
      );
    }
  }

  #slotsOf(name: string, variable: tf.Variable): tf.Variable[] {
    let slots = this.#state.get(name);
    if (!slots) {
      slots = this.#rule.slots.map(() => tf.tidy(() => tf.variable(tf.zeros(variable.shape), false)));
      this.#state.set(name, slots);
    }
    return slots;
  }
}

function checkRange(
  where: string,
  shares: Readonly<Record<string, number>>,
  amounts: Readonly<Record<string, number>>,
): void {
  for (const [name, value] of Object.entries(shares)) {
    if (!(value >= 0 && value < 1)) throw new OptionError(where, name, value, 'in [0, 1)');
  }
  for (const [name, value] of Object.entries(amounts)) {
    if (!(value >= 0 && value < Infinity)) throw new OptionError(where, name, value, '≥ 0');
  }
}
