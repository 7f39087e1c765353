/** What a person sees while a network trains from a drive: a line for each pass. */
import { formatBytes } from '@strata-ml/core';
import type { OffloadEvent, PassReport } from '@strata-ml/storage-offload';
import { percent, seconds } from '../../output/format.js';
import type { Output } from '../../output/Output.js';
import type { Progress } from '../../output/progress.js';

/** Turns events of the trainer into lines and a progress display. */
export class OffloadView {
  readonly #output: Output;
  readonly #lineEvery: number;
  #progress: Progress | undefined;
  #firstEpoch = 0;
  #loss = '';

  constructor(output: Output, lineEvery: number) {
    this.#output = output;
    this.#lineEvery = lineEvery;
  }

  /** Shows one event. */
  show(event: OffloadEvent): void {
    if (event.type === 'setup') {
      this.#firstEpoch = event.epoch;
      this.#output.print(
        `smallest host memory: ${formatBytes(event.minimumHostBytes)} · ready in ${seconds(event.seconds)}\n`,
      );
    }
    if (event.type === 'pass') {
      const { epoch, epochs, index, of, pass } = event;
      this.#progress ??= this.#output.progress('pass', (epochs - this.#firstEpoch) * of, this.#lineEvery * of);
      const done = (epoch - 1 - this.#firstEpoch) * of + index + 1;
      this.#progress.update(done, `epoch ${epoch}/${epochs}${this.#loss}  ${passLine(pass)}`);
    }
    if (event.type === 'epoch') {
      const { loss, seconds: took, valAccuracy } = event.row;
      const accuracy = valAccuracy === undefined ? '' : ` validation ${percent(valAccuracy)}`;
      const { passes } = event.report;
      if (passes.length === 0) {
        // Mode in-memory has no passes to show.
        this.#progress ??= this.#output.progress('epoch', event.epochs - this.#firstEpoch, this.#lineEvery);
        this.#progress.update(
          event.row.epoch - this.#firstEpoch,
          `loss ${loss.toFixed(4)}${accuracy} ${seconds(took)}`,
        );
      }
      this.#loss = ` loss ${loss.toFixed(4)}${accuracy} ${seconds(took)}`;
    }
  }

  /** Ends the progress display. */
  stop(): void {
    this.#progress?.stop();
  }
}

/** Where a pass was, what was in memory, and what each lane moved per second. */
function passLine(pass: PassReport): string {
  const { kind, stage, residentBytes, hits, misses, bytesRead, bytesWritten, uploadBytes, gatherSeconds } = pass;
  const rate = (bytes: number, time: number) => `${formatBytes(time > 0 ? bytes / time : 0)}/s`;
  return [
    `${kind} ${stage + 1}`,
    `host ${formatBytes(residentBytes)}`,
    `hits ${percent(hits / Math.max(1, hits + misses))}`,
    `read ${rate(bytesRead, pass.seconds)}`,
    `write ${rate(bytesWritten, pass.seconds)}`,
    `gather ${rate(uploadBytes, gatherSeconds)}`,
  ].join(' · ');
}
