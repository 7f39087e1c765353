/** What a person sees while modes are compared. */
import type { CompareEvent } from '@strata-ml/gnn-dist';
import type { Output } from '../../output/Output.js';
import { TrainView } from './trainView.js';

/** Turns events of a comparison into lines, and each run's into a progress display. */
export class CompareView {
  readonly #output: Output;
  readonly #lineEvery: number;
  #view: TrainView;

  constructor(output: Output, lineEvery: number) {
    this.#output = output;
    this.#lineEvery = lineEvery;
    this.#view = new TrainView(output, lineEvery);
  }

  /** Shows one event. */
  show(event: CompareEvent): void {
    switch (event.type) {
      case 'partition':
        this.#view.show(event);
        break;
      case 'run':
        this.#view.stop();
        this.#view = new TrainView(this.#output, this.#lineEvery);
        this.#output.note(`run ${event.run}/${event.runs}: ${event.mode}, ${event.epochs} epochs`);
        break;
      case 'train':
        // Every run says the same of its engine.
        if (event.event.type !== 'setup') this.#view.show(event.event);
        break;
    }
  }

  /** Ends the progress display. */
  stop(): void {
    this.#view.stop();
  }
}
