/** One fresh process of a contender, and the samples that it prints. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import type { Contender, ItemLine, Sample } from './types.js';

/** A sample, or why there is none. */
export type Outcome = Sample | { readonly missing: string };

/**
 * Runs a program once; the last line that it prints is the sample.
 *
 * @throws Error if it fails: a broken contender is a mistake, not a result.
 */
export function takeSample(contender: Contender): Outcome {
  const { name, timeoutS = 600 } = contender;
  const run = start(contender, contender.args, timeoutS);
  if (isLate(run)) return { missing: `no sample within ${timeoutS} s` };
  if (run.status !== 0) throw new Error(`bench: ${name} ${ending(run)}`);
  return JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '') as Sample;
}

/**
 * Runs a program on many items. An item that takes too long or ends the process is reported as such, and a further
 * process does those after it.
 */
export function takeItems(contender: Contender, items: readonly unknown[]): Outcome[] {
  const { timeoutS = 600 } = contender;
  const outcomes: Outcome[] = [];
  while (outcomes.length < items.length) {
    const left = items.slice(outcomes.length);
    const run = start(contender, [...contender.args, JSON.stringify(left)], timeoutS * left.length);
    const lines = run.stdout.split('\n').flatMap(parseLine);
    const whole = lines.find((line) => !('item' in line));
    if (whole) return [...outcomes, ...left.map(() => whole as Outcome)];
    for (const line of lines) {
      const { item, ...outcome } = line as ItemLine & { item: number };
      if (item !== outcomes.length - (items.length - left.length))
        throw new Error(`bench: ${contender.name}: lines out of order`);
      outcomes.push(outcome as Outcome);
    }
    if (lines.length === left.length) break;
    const missing = isLate(run) ? `no sample within ${timeoutS} s` : ending(run);
    if (lines.length === 0 && !isLate(run)) return [...outcomes, ...left.map(() => ({ missing }))];
    outcomes.push({ missing });
  }
  return outcomes;
}

function start({ command, env }: Contender, args: readonly string[], timeoutS: number): SpawnSyncReturns<string> {
  return spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: timeoutS * 1000,
    maxBuffer: 64 * 1024 * 1024,
  });
}

const isLate = (run: SpawnSyncReturns<string>) =>
  (run.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT';

const ending = (run: SpawnSyncReturns<string>) =>
  `ended with ${run.error?.message ?? run.signal ?? run.status}: ${run.stderr?.trim().slice(-2000)}`;

/** Libraries print advice of their own: what is no object with a result is passed over. */
function parseLine(line: string): ItemLine[] {
  if (!line.startsWith('{')) return [];
  const parsed = JSON.parse(line) as ItemLine;
  return 'item' in parsed || 'missing' in parsed ? [parsed] : [];
}
