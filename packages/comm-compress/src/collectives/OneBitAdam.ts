/**
 * 1-bit Adam: plain Adam until the second moment has settled, then momentum alone, one bit an element.
 *
 * Tang et al.: "1-bit Adam: Communication Efficient Large-Scale Training with Adam's Convergence Speed", ICML 2021,
 * arXiv:2102.02888.
 */
import { OptionError, type ProcessGroup, ShapeError } from '@strata-ml/core';
import { fp32 } from '../codecs/elementFormats.js';
import { oneBit } from '../codecs/signs.js';
import { ErrorFeedback } from '../feedback/ErrorFeedback.js';
import { type AllReduceCompressedOptions, allReduceCompressed } from './allReduceCompressed.js';

/** Options of {@link OneBitAdam}. */
export interface OneBitAdamOptions {
  readonly lr: number;
  /** Steps of plain Adam; about the first 15 % of training. */
  readonly freezeStep: number;
  /** @defaultValue `0.9` */
  readonly beta1?: number;
  /** @defaultValue `0.999` */
  readonly beta2?: number;
  /** @defaultValue `1e-8` */
  readonly epsilon?: number;
  /** Decoupled, as in AdamW. @defaultValue `0` */
  readonly weightDecay?: number;
}

/**
 * An optimizer over a data-parallel group. Elements whose momentum has been zero in all of the first phase stay out of the
 * second: one bit cannot say zero, and their error would grow without limit.
 */
export class OneBitAdam {
  readonly #group: ProcessGroup;
  readonly #options: Required<OneBitAdamOptions>;
  readonly #m: Float32Array;
  readonly #v: Float32Array;
  readonly #codec = oneBit();
  readonly #feedback = new ErrorFeedback();
  #active: Uint32Array | undefined;
  #step = 0;

  /**
   * @param group - the data-parallel group, not the world: others may be in another part of a pipeline
   * @param length - number of parameters
   * @throws {@link OptionError} if an option is out of range.
   */
  constructor(group: ProcessGroup, length: number, options: OneBitAdamOptions) {
    const { lr, freezeStep, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weightDecay = 0 } = options;
    if (!(lr > 0)) throw new OptionError('OneBitAdam', 'lr', lr, '> 0');
    if (!(Number.isInteger(freezeStep) && freezeStep >= 1)) {
      throw new OptionError('OneBitAdam', 'freezeStep', freezeStep, 'a whole number ≥ 1');
    }
    this.#group = group;
    this.#options = { lr, freezeStep, beta1, beta2, epsilon, weightDecay };
    this.#m = new Float32Array(length);
    this.#v = new Float32Array(length);
  }

  /** True once momentum travels as bits. */
  get isCompressed(): boolean {
    return this.#step >= this.#options.freezeStep;
  }

  /**
   * One step with this rank's gradients; collective, and parameters stay the same bits on all ranks.
   *
   * @param params - float32 `[length]`, changed in place
   * @param gradients - float32 `[length]`, of this rank
   */
  step(params: Float32Array, gradients: Float32Array): void {
    const n = this.#m.length;
    if (params.length !== n) throw new ShapeError('OneBitAdam.step', 'params', [params.length], `[${n}]`);
    if (gradients.length !== n) throw new ShapeError('OneBitAdam.step', 'gradients', [gradients.length], `[${n}]`);
    if (this.isCompressed) this.#averageMomentum(gradients);
    else this.#averageGradients(gradients);
    this.#step++;
    const { lr, epsilon, weightDecay, beta1, beta2, freezeStep } = this.#options;
    // The second moment is frozen with the correction it had; the first goes on towards 1.
    const correction1 = 1 - beta1 ** this.#step;
    const correction2 = Math.sqrt(1 - beta2 ** Math.min(this.#step, freezeStep));
    for (let i = 0; i < n; i++) {
      const update = this.#m[i]! / correction1 / (Math.sqrt(this.#v[i]!) / correction2 + epsilon);
      params[i]! -= lr * (update + weightDecay * params[i]!);
    }
  }

  /** Forgets what was not sent, as after loading a checkpoint. */
  resetErrors(): void {
    this.#feedback.reset();
  }

  #averageGradients(gradients: Float32Array): void {
    const g = gradients.slice();
    this.#allReduce(g, {});
    const { beta1, beta2 } = this.#options;
    for (let i = 0; i < g.length; i++) {
      this.#m[i] = beta1 * this.#m[i]! + (1 - beta1) * g[i]!;
      this.#v[i] = beta2 * this.#v[i]! + (1 - beta2) * g[i]! * g[i]!;
    }
  }

  #averageMomentum(gradients: Float32Array): void {
    const { beta1 } = this.#options;
    // v is zero where the averaged gradient always was: the same elements on every rank.
    this.#active ??= Uint32Array.from(this.#v.keys()).filter((i) => this.#v[i]! > 0);
    const m = Float32Array.from(this.#active, (i) => beta1 * this.#m[i]! + (1 - beta1) * gradients[i]!);
    this.#allReduce(m, { feedback: this.#feedback });
    this.#active.forEach((at, i) => {
      this.#m[at] = m[i]!;
    });
  }

  #allReduce(x: Float32Array, options: AllReduceCompressedOptions): void {
    const codec = options.feedback ? this.#codec : fp32();
    allReduceCompressed(this.#group, 'momentum', x, codec, { ...options, step: this.#step + 1 });
  }
}
