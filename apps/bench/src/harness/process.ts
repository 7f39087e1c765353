/** One fresh process of a contender, and the samples that it prints. */
import { spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Contender, ItemLine, Sample } from './types.js';

/** A sample, or why there is none. */
export type Outcome = Sample | { readonly missing: string };

/**
 * Runs a program once; the last line that it prints is the sample.
 *
 * @throws Error if it fails: a broken contender is a mistake, not a result.
 */
export function takeSample(contender: Contender): Outcome {
  const { name, command, args, env, timeoutS = 600 } = contender;
  const run = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: timeoutS * 1000,
    maxBuffer: 64 * 1024 * 1024,
  });
  const last = run.stdout?.trim().split('\n').at(-1) ?? '';
  if ((run.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT') {
    return { missing: `no sample within ${timeoutS} s` };
  }
  if (run.status !== 0) {
    throw new Error(`bench: ${name} ended with ${run.status ?? run.signal}: ${run.stderr?.slice(-2000)}`);
  }
  return JSON.parse(last) as Sample;
}

/**
 * Runs a program on many items. An item that takes too long or ends the process is reported as such, and a further
 * process does those after it.
 */
export async function takeItems(contender: Contender, items: readonly unknown[]): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  while (outcomes.length < items.length) {
    const left = items.slice(outcomes.length);
    const { lines, failure, isLate } = await readLines(contender, left);
    const whole = lines.find((line) => !('item' in line));
    if (whole) return [...outcomes, ...left.map(() => whole as Outcome)];
    for (const [i, line] of lines.entries()) {
      const { item, ...outcome } = line as ItemLine & { item: number };
      if (item !== i)
        throw new Error(`bench: ${contender.name} must print its items in order, got ${item} after ${i - 1}`);
      outcomes.push(outcome as Outcome);
    }
    if (lines.length === left.length) break;
    if (lines.length === 0 && !isLate) return [...outcomes, ...left.map(() => ({ missing: failure }))];
    outcomes.push({ missing: failure });
  }
  return outcomes;
}

/** The lines of one process, which is killed when one takes longer than the contender's limit. */
function readLines(contender: Contender, items: readonly unknown[]) {
  const { command, args, env, timeoutS = 600 } = contender;
  return new Promise<{ lines: ItemLine[]; failure: string; isLate: boolean }>((resolve) => {
    const child = spawn(command, [...args, JSON.stringify(items)], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const lines: ItemLine[] = [];
    let complaint = '';
    let isLate = false;
    const tooLate = () => {
      isLate = true;
      child.kill('SIGKILL');
    };
    let timer = setTimeout(tooLate, 1000 * (timeoutS + START_S));
    createInterface({ input: child.stdout }).on('line', (text) => {
      clearTimeout(timer);
      lines.push(...parseLine(text));
      timer = setTimeout(tooLate, 1000 * timeoutS);
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(-2000);
    });
    const done = (why: string) => {
      clearTimeout(timer);
      resolve({
        lines,
        isLate,
        failure: isLate ? `no sample within ${timeoutS} s` : `ended with ${why}: ${complaint.trim()}`,
      });
    };
    child.once('error', (error) => done(error.message));
    child.once('close', (code, signal) => done(`${signal ?? code}`));
  });
}

/** Seconds for interpreters and engines to start, besides an item's own limit. */
const START_S = 20;

/** Libraries print advice of their own: what is no object with a result is passed over. */
function parseLine(line: string): ItemLine[] {
  if (!line.startsWith('{')) return [];
  const parsed = JSON.parse(line) as ItemLine;
  return 'item' in parsed || 'missing' in parsed ? [parsed] : [];
}
