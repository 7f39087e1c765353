/**
 * Runs a suite: every sample is a fresh process, contenders take turns and the order flips each round, the reference
 * runs twice per round so that noise is known. Reported are medians of paired ratios.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpus } from 'node:os';
import type { Case, CaseResult, Contender, Ratio, Sample, Suite, SuiteResult } from './types.js';

/** Options of {@link runSuite}. */
export interface RunSuiteOptions {
  /** Rounds, ≥ 1. @defaultValue `5` */
  readonly rounds?: number;
  /** Only cases whose name contains this. */
  readonly only?: string;
  readonly onProgress?: (line: string) => void;
}

/** Runs all cases of a suite. */
export function runSuite(suite: Suite, { rounds = 5, only, onProgress }: RunSuiteOptions = {}): SuiteResult {
  const rows = suite
    .cases()
    .filter((c) => !only || c.name.includes(only))
    .map((c) => runCase(c, rounds, onProgress));
  return {
    schema: 1,
    suite: suite.name,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD'),
    dirty: git('status', '--porcelain', '--untracked-files=no') !== '',
    command: `strata bench run ${suite.name}`,
    rounds,
    rows,
  };
}

function runCase(c: Case, rounds: number, onProgress?: (line: string) => void): CaseResult {
  const able = c.contenders.filter((contender) => contender.missing === undefined);
  const reference = able[0];
  const tooSlow = new Map<string, string>();
  const samples = new Map<string, Sample[]>(able.map((contender) => [contender.name, []]));
  const again: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const order = round % 2 === 0 ? able : [...able].reverse();
    for (const contender of order) {
      if (tooSlow.has(contender.name)) continue;
      try {
        samples.get(contender.name)!.push(sample(contender));
      } catch (error) {
        if (!(error instanceof TooSlowError) || contender === reference) throw error;
        tooSlow.set(contender.name, error.message);
      }
    }
    if (reference) again.push(sample(reference).value);
    onProgress?.(`${c.name}: round ${round + 1} of ${rounds}`);
  }
  const base = reference ? samples.get(reference.name)!.map((s) => s.value) : [];
  return {
    case: c.name,
    params: c.params,
    kind: c.kind,
    aa: ratio(again, base),
    contenders: c.contenders.map((contender) => {
      const { name, version } = contender;
      const missing = contender.missing ?? tooSlow.get(contender.name);
      if (missing !== undefined) return { name, version, unit: c.unit, samples: [], median: Number.NaN, missing };
      const taken = samples.get(name)!;
      const values = taken.map((s) => s.value);
      const extra = taken.at(-1)?.extra;
      return {
        name,
        version,
        unit: c.unit,
        samples: values,
        median: median(values),
        ...(contender === reference ? {} : { ratio: ratio(values, base) }),
        ...(extra ? { extra } : {}),
      };
    }),
  };
}

/** A contender ran into its time limit. */
class TooSlowError extends Error {}

/** One fresh process; the last line of its output is the sample. */
function sample({ name, command, args, env, timeoutS = 600 }: Contender): Sample {
  const run = spawnSync(command, args, {
    encoding: 'utf8',
    env: { ...process.env, ...env },
    timeout: timeoutS * 1000,
    maxBuffer: 64 * 1024 * 1024,
  });
  if ((run.error as NodeJS.ErrnoException | undefined)?.code === 'ETIMEDOUT')
    throw new TooSlowError(`no sample within ${timeoutS} s`);
  const last = run.stdout?.trim().split('\n').at(-1) ?? '';
  if (run.status !== 0)
    throw new Error(`bench: ${name} ended with ${run.status ?? run.signal}: ${run.stderr?.slice(-2000)}`);
  return JSON.parse(last) as Sample;
}

function ratio(values: readonly number[], base: readonly number[]): Ratio {
  const ratios = values.map((v, i) => v / base[i]!);
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
