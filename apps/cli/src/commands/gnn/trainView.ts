/** What a person sees while a network trains. */
import type { TrainEvent } from '@strata-ml/gnn-dist';
import { count, figure, percent, seconds } from '../../output/format.js';
import type { Output } from '../../output/Output.js';
import type { Progress } from '../../output/progress.js';

/** Turns events of the trainer into lines and a progress display. */
export class TrainView {
  readonly #output: Output;
  readonly #lineEvery: number;
  #progress: Progress | undefined;
  #accuracy: number | undefined;

  constructor(output: Output, lineEvery: number) {
    this.#output = output;
    this.#lineEvery = lineEvery;
  }

  /** Shows one event. */
  show(event: TrainEvent): void {
    switch (event.type) {
      case 'partition': {
        const { cutRatio, haloRows, balance } = event.metrics;
        this.#output.print(
          `partition: ${percent(cutRatio)} of edges cut · ${count(haloRows)} halo rows · ` +
            `largest part ${figure(balance)} × the mean · ${seconds(event.seconds)}`,
        );
        break;
      }
      case 'setup':
        this.#output.print(
          `engine: ${event.engine} (${event.kernels} kernels) · ranks ready in ${seconds(event.seconds)}\n`,
        );
        break;
      case 'epoch': {
        this.#progress ??= this.#output.progress('epoch', event.epochs, this.#lineEvery);
        this.#accuracy = event.valAccuracy ?? this.#accuracy;
        const accuracy = this.#accuracy === undefined ? '' : `  validation ${percent(this.#accuracy)}`;
        this.#progress.update(event.epoch, `loss ${event.loss.toFixed(4)}${accuracy}  ${seconds(event.seconds)}/epoch`);
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
