/** Program: `node apps/fashion-mnist/dist/main.js [flags]`. */
import { writeFileSync } from 'node:fs';
import { DataError, StrataError } from '@strata-ml/core';
import { dataFolder } from './data.js';
import { useEngine } from './engines.js';
import { parseFlags, USAGE } from './flags.js';
import { seedMathRandom } from './seed.js';
import { type EpochReport, type StepReport, train } from './train.js';

const INTERRUPTED = 130;

async function main(): Promise<void> {
  const flags = parseFlags(process.argv.slice(2));
  if (flags.help) {
    process.stdout.write(`${USAGE}\n`);
    return;
  }
  const { engine, epochs, count, validation, seed, json } = flags;
  const folder = flags.data ?? dataFolder();
  if (!folder)
    throw new DataError('fashion-mnist: the data set must be in STRATA_DATA, got none; or give --data FOLDER');
  const abort = new AbortController();
  process.on('SIGINT', () => {
    if (abort.signal.aborted) process.exit(INTERRUPTED);
    abort.abort();
  });
  // With --json - only the report goes to stdout.
  const out = json === '-' ? process.stderr : process.stdout;

  seedMathRandom(seed);
  await useEngine(engine);
  const start = performance.now();
  const onStep = progress(out, epochs);
  const report = await train({
    folder,
    epochs,
    ...(count === undefined ? {} : { count }),
    validation,
    signal: abort.signal,
    onStep,
    onEpoch: (epoch) => out.write(epochLine(epoch, epochs, out)),
  });
  const seconds = (performance.now() - start) / 1000;
  const status = report.testAccuracy === undefined ? 'stopped' : 'ok';
  if (report.testAccuracy === undefined) {
    out.write(`${out.isTTY ? '\n' : ''}stopped after step ${report.stepSeconds.length}\n`);
    process.exitCode = INTERRUPTED;
  } else {
    const tested =
      validation > 0 ? `epoch ${report.testedEpoch}, the best on the ${validation} images held out` : 'last epoch';
    out.write(`test accuracy ${percent(report.testAccuracy)} (${tested}) after ${seconds.toFixed(0)} s on ${engine}\n`);
  }
  const { epochs: perEpoch, stepSeconds, testedEpoch, testAccuracy } = report;
  const text = JSON.stringify({
    schema: 1,
    program: 'fashion-mnist',
    status,
    config: { engine, epochs, train: count, validation, seed },
    environment: { node: process.version, platform: `${process.platform}-${process.arch}` },
    metrics: { testAccuracy, testedEpoch, seconds, steps: stepSeconds.length, epochs: perEpoch },
  });
  if (json === '-') process.stdout.write(`${text}\n`);
  else if (json) writeFileSync(json, `${text}\n`);
}

const percent = (share: number) => `${(100 * share).toFixed(2)} %`;

/** A line that changes on a terminal, a line every ten seconds elsewhere. */
function progress(out: NodeJS.WriteStream, epochs: number): (step: StepReport) => void {
  let last = performance.now();
  return ({ epoch, step, steps, loss }) => {
    const now = performance.now();
    if (now - last < (out.isTTY ? 100 : 10_000)) return;
    last = now;
    const line = `epoch ${epoch}/${epochs}  step ${step}/${steps}  loss ${loss.toFixed(4)}`;
    out.write(out.isTTY ? `\r\x1b[K${line}` : `${line}\n`);
  };
}

function epochLine(report: EpochReport, epochs: number, out: NodeJS.WriteStream): string {
  const { epoch, loss, accuracy, validationAccuracy, seconds } = report;
  const held = validationAccuracy === undefined ? '' : `  validation ${percent(validationAccuracy)}`;
  const line = `epoch ${epoch}/${epochs}  loss ${loss.toFixed(4)}  accuracy ${percent(accuracy)}${held}  ${seconds.toFixed(1)} s\n`;
  return out.isTTY ? `\r\x1b[K${line}` : line;
}

main().catch((error: unknown) => {
  const { message, stack } = error as Error;
  process.stderr.write(`${process.env.STRATA_DEBUG ? stack : message}\n`);
  process.exitCode = error instanceof StrataError ? 2 : 1;
});
