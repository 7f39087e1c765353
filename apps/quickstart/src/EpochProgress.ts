/** Shows a run as it goes: one line that changes on a terminal, a line every so often elsewhere. */
import type { TrainEvent, TrainReport } from '@strata-ml/gnn-dist';
import pc from 'picocolors';

/** Progress of one run. */
export class EpochProgress {
  readonly #out: NodeJS.WriteStream;
  readonly #epochs: number;
  readonly #start = performance.now();
  #lastLine = 0;

  constructor(title: string, epochs: number, out: NodeJS.WriteStream) {
    this.#out = out;
    this.#epochs = epochs;
    out.write(`${pc.bold(title)}\n`);
  }

  show(event: TrainEvent): void {
    if (event.type === 'partition' && event.metrics.haloRows > 0) {
      const { cutRatio, haloRows, balance } = event.metrics;
      const cut = `${(100 * cutRatio).toFixed(1)} % of edges cut, ${haloRows} halo rows, balance ${balance.toFixed(2)}`;
      this.#out.write(`  split in ${event.seconds.toFixed(2)} s: ${cut}\n`);
    }
    if (event.type !== 'epoch') return;
    const seconds = (performance.now() - this.#start) / 1000;
    const left = (seconds / event.epoch) * (this.#epochs - event.epoch);
    const accuracy = event.valAccuracy === undefined ? '' : `  validation ${(100 * event.valAccuracy).toFixed(1)} %`;
    const line = `  epoch ${event.epoch}/${this.#epochs}  loss ${event.loss.toFixed(4)}${accuracy}  ${left.toFixed(0)} s left`;
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${line}`);
    else if (event.epoch === this.#epochs || seconds - this.#lastLine > 5) {
      this.#lastLine = seconds;
      this.#out.write(`${line}\n`);
    }
  }

  stop(report: TrainReport): void {
    if (this.#out.isTTY) this.#out.write('\r\x1b[K');
    const { testAccuracy, epochSeconds } = report.metrics;
    const seconds = (performance.now() - this.#start) / 1000;
    this.#out.write(
      `  done in ${seconds.toFixed(1)} s: test accuracy ${(100 * testAccuracy).toFixed(1)} %, ` +
        `${(1000 * epochSeconds.median).toFixed(0)} ms per epoch\n`,
    );
  }
}
