/**
 * Runs a suite: every sample is a fresh process, contenders take turns and the order flips each round, the reference
 * runs twice per round so that noise is known. Reported are medians of paired ratios.
 *
 * Cases of one group share processes: a process then holds one round's samples of all of them, in an order that flips
 * each round too.
 */
import { execFileSync } from 'node:child_process';
import { cpus } from 'node:os';
import { median } from '@strata-ml/core';
import { type Outcome, takeItems, takeSample } from './process.js';
import type { Case, CaseResult, Contender, ContenderResult, Ratio, Sample, Suite, SuiteResult } from './types.js';

/** Options of {@link runSuite}. */
export interface RunSuiteOptions {
  /** Rounds, ≥ 1. @defaultValue `5` */
  readonly rounds?: number;
  /** Only cases whose name contains this. */
  readonly only?: string;
  readonly onProgress?: (line: string) => void;
}

/** Runs all cases of a suite. */
export async function runSuite(
  suite: Suite,
  { rounds = 5, only, onProgress }: RunSuiteOptions = {},
): Promise<SuiteResult> {
  const cases = suite.cases().filter((c) => !only || c.name.includes(only));
  const rows: CaseResult[] = [];
  for (const unit of unitsOf(cases)) rows.push(...(await runUnit(unit, rounds, onProgress)));
  return {
    schema: 1,
    suite: suite.name,
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}`,
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD'),
    dirty: git('status', '--porcelain', '--untracked-files=no') !== '',
    command: `strata bench run ${suite.name}${only ? ` --only ${JSON.stringify(only)}` : ''}`,
    rounds,
    rows,
  };
}

/** Cases that share processes: neighbours of the same group; every other case alone. */
function unitsOf(cases: readonly Case[]): Case[][] {
  const units: Case[][] = [];
  for (const c of cases) {
    const last = units.at(-1);
    if (c.group !== undefined && last?.[0]?.group === c.group) last.push(c);
    else units.push([c]);
  }
  return units;
}

/** What one contender did in one case. */
interface Entry {
  readonly of: Case;
  readonly contender: Contender;
  /** By round. */
  readonly samples: Sample[];
  /** The reference's second sample, by round. */
  readonly again: Sample[];
  missing: string | undefined;
}

async function runUnit(
  cases: readonly Case[],
  rounds: number,
  onProgress?: (line: string) => void,
): Promise<CaseResult[]> {
  const entries = cases.map((of) =>
    of.contenders.map((contender): Entry => ({ of, contender, samples: [], again: [], missing: contender.missing })),
  );
  const references = new Set(entries.flatMap((row) => row.find((entry) => entry.missing === undefined) ?? []));
  const programs = byProgram(entries.flat());
  for (let round = 0; round < rounds; round++) {
    const flip = <T>(list: readonly T[]): readonly T[] => (round % 2 === 0 ? list : [...list].reverse());
    for (const program of flip(programs)) {
      const due = program.filter(({ contender }) => round < (contender.maxRounds ?? rounds));
      await take(flip(due), (entry) => entry.samples);
    }
    for (const program of programs) {
      const due = program.filter((entry) => references.has(entry) && round < (entry.contender.maxRounds ?? rounds));
      await take(flip(due), (entry) => entry.again);
    }
    const title = cases.length > 1 ? `${cases[0]?.group} (${cases.length} cases)` : cases[0]?.name;
    onProgress?.(`${title}: round ${round + 1} of ${rounds}`);
  }
  return entries.map((row) => caseResult(row, references));
}

/** Entries that one process can do: the same program on several items. */
function byProgram(entries: readonly Entry[]): Entry[][] {
  const programs = new Map<unknown, Entry[]>();
  for (const entry of entries) {
    const { name, command, args, env, item } = entry.contender;
    const key = item === undefined ? entry : JSON.stringify([name, command, args, env]);
    programs.set(key, [...(programs.get(key) ?? []), entry]);
  }
  return [...programs.values()];
}

/** Runs one program on the entries that are still able. */
async function take(program: readonly Entry[], samplesOf: (entry: Entry) => Sample[]): Promise<void> {
  const able = program.filter((entry) => entry.missing === undefined);
  const [first] = able;
  if (!first) return;
  const { contender } = first;
  const outcomes: Outcome[] = contender.item
    ? await takeItems(
        contender,
        able.map((entry) => entry.contender.item),
      )
    : [takeSample(contender)];
  able.forEach((entry, i) => {
    const outcome = outcomes[i]!;
    if ('missing' in outcome) entry.missing = outcome.missing;
    else samplesOf(entry).push(outcome);
  });
}

function caseResult(row: readonly Entry[], references: ReadonlySet<Entry>): CaseResult {
  const { name, params, kind, unit, work } = row[0]!.of;
  const reference = row.find((entry) => references.has(entry) && entry.missing === undefined);
  const base = values(reference?.samples ?? []);
  return {
    case: name,
    params,
    kind,
    ...(work ? { work } : {}),
    ...(reference ? { aa: ratio(values(reference.again), base) } : {}),
    contenders: row.map((entry): ContenderResult => {
      const { name, version } = entry.contender;
      if (entry.missing !== undefined)
        return { name, version, unit, samples: [], median: null, missing: entry.missing };
      const samples = values(entry.samples);
      const extra = entry.samples.at(-1)?.extra;
      return {
        name,
        version,
        unit,
        samples,
        median: median(samples),
        ...(entry !== reference && base.length > 0 ? { ratio: ratio(samples, base) } : {}),
        ...(extra ? { extra } : {}),
      };
    }),
  };
}

const values = (samples: readonly Sample[]) => samples.map((s) => s.value);

function ratio(samples: readonly number[], base: readonly number[]): Ratio {
  const ratios = samples.map((v, i) => v / base[i]!);
  return { median: median(ratios), low: Math.min(...ratios), high: Math.max(...ratios) };
}

function git(...args: string[]): string {
  try {
    return execFileSync('git', args, { encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}
