/** What a person sees while a language model trains. */
import type { LanguageModelEvent } from '@strata-ml/comm-compress';
import { count, seconds } from '../../output/format.js';
import type { Output } from '../../output/Output.js';
import type { Progress } from '../../output/progress.js';

/** Turns events of the trainer into lines and a progress display. */
export class TrainView {
  readonly #output: Output;
  readonly #lineEvery: number;
  #progress: Progress | undefined;
  #validation: number | undefined;
  /** Mean step, for the time that is left. */
  #stepS = 0;

  constructor(output: Output, lineEvery: number) {
    this.#output = output;
    this.#lineEvery = lineEvery;
  }

  /** Shows one event. */
  show(event: LanguageModelEvent): void {
    switch (event.type) {
      case 'setup':
        this.#output.print(
          `engine: ${event.engine} (${event.kernels} kernels) · ranks ready in ${seconds(event.seconds)}\n`,
        );
        break;
      case 'resumed':
        this.#output.print(`resumed after step ${count(event.step)}`);
        if (event.hasDroppedHooks) this.#output.note('compression starts anew: its state fits the former grid only');
        break;
      case 'step': {
        this.#progress ??= this.#output.progress('step', event.steps, this.#lineEvery);
        this.#validation = event.valLoss ?? this.#validation;
        this.#stepS = this.#stepS === 0 ? event.seconds : 0.9 * this.#stepS + 0.1 * event.seconds;
        const left = seconds(this.#stepS * (event.steps - event.step));
        const parts = [
          `loss ${event.loss.toFixed(4)}`,
          ...(this.#validation === undefined ? [] : [`validation ${this.#validation.toFixed(4)}`]),
          `${count(Math.round(event.tokensPerSecond))} tokens/s`,
          `${left} left`,
        ];
        this.#progress.update(event.step, parts.join('  '));
        break;
      }
      case 'checkpoint':
        break;
    }
  }

  /** Ends the progress display. */
  stop(): void {
    this.#progress?.stop();
  }
}
