/** Progress of long work: a bar on a terminal, plain lines elsewhere. */
import { Presets, SingleBar } from 'cli-progress';

/** A running display. */
export interface Progress {
  /** @param note - what to show beside the bar, such as loss and accuracy */
  update(done: number, note: string): void;
  /** Removes the bar. Must be called, also after a failure. */
  stop(): void;
}

/** Options of {@link startProgress}. */
export interface ProgressOptions {
  /** What is counted, for example `epoch`. */
  readonly unit: string;
  readonly total: number;
  /** Where there is no terminal: print a line every so many steps, and for the last. */
  readonly lineEvery: number;
  readonly stream: NodeJS.WriteStream;
}

/** Starts a display on `stream`. */
export function startProgress({ unit, total, lineEvery, stream }: ProgressOptions): Progress {
  if (stream.isTTY !== true) {
    return {
      update: (done, note) => {
        if (done % lineEvery === 0 || done === 1 || done === total) {
          stream.write(`${unit} ${String(done).padStart(String(total).length)}/${total}  ${note}\n`);
        }
      },
      stop: () => {},
    };
  }
  const bar = new SingleBar(
    {
      format: `${unit} {value}/{total} {bar} {percentage} %  {note}  ETA {eta_formatted}`,
      stream,
      hideCursor: true,
      clearOnComplete: true,
      stopOnComplete: false,
      etaBuffer: 20,
      barsize: 24,
      // Ctrl-C is handled by the command, which then stops the bar.
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0, { note: '' });
  return { update: (done, note) => bar.update(done, { note }), stop: () => bar.stop() };
}

/** Shows nothing. */
export const silentProgress: Progress = { update: () => {}, stop: () => {} };
