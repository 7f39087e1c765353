/** Loss scaling: gradients are made larger so that 16-bit messages do not lose the small ones. */
import { OptionError } from '@strata-ml/core';

/** `none`, `dynamic`, or a fixed factor. */
export type LossScaling = 'none' | 'dynamic' | number;

/** What a checkpoint needs to continue. */
export interface LossScaleState {
  readonly scale: number;
  readonly goodSteps: number;
}

/** Good steps after which a dynamic scale doubles. */
const GROWTH_STEPS = 1000;

/** The factor of each step. Dynamic: starts at 2¹⁶, doubles every 1000 good steps, halves on overflow. */
export class LossScale {
  readonly #isDynamic: boolean;
  #scale: number;
  #goodSteps = 0;

  /** @throws {@link OptionError} if a fixed factor is not > 0. */
  constructor(scaling: LossScaling) {
    if (typeof scaling === 'number' && !(scaling > 0 && scaling < Number.POSITIVE_INFINITY)) {
      throw new OptionError('trainer', 'lossScale', scaling, '> 0, none or dynamic');
    }
    this.#isDynamic = scaling === 'dynamic';
    this.#scale = scaling === 'dynamic' ? 2 ** 16 : scaling === 'none' ? 1 : scaling;
  }

  /** Factor of the current step. */
  get scale(): number {
    return this.#scale;
  }

  /** After a step without overflow. */
  succeeded(): void {
    this.#goodSteps++;
    if (this.#isDynamic && this.#goodSteps % GROWTH_STEPS === 0) this.#scale *= 2;
  }

  /** After an overflow; false if the scale cannot give way. */
  overflowed(): boolean {
    if (!this.#isDynamic || this.#scale <= 1) return false;
    this.#scale /= 2;
    this.#goodSteps = 0;
    return true;
  }

  /** For a checkpoint. */
  state(): LossScaleState {
    return { scale: this.#scale, goodSteps: this.#goodSteps };
  }

  /** Continues from a checkpoint. */
  load({ scale, goodSteps }: LossScaleState): void {
    this.#scale = scale;
    this.#goodSteps = goodSteps;
  }
}
