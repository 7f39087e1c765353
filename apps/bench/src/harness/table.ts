/** Result tables in markdown, for the terminal and the READMEs: a row per case, a column per contender. */
import type { CaseResult, ContenderResult, Ratio, SuiteResult, Work } from './types.js';

/** The tables of a suite under one line that says how and where they were measured. */
export function markdownTable(result: SuiteResult): string {
  const { command, rounds, machine, node, commit, dirty } = result;
  const tables = columnRuns(result.rows).map(table);
  return [
    `Measured with \`${command}\`: ${rounds} round${rounds > 1 ? 's' : ''}, ${machine}, Node ${node}, commit ${commit}${dirty ? ' with local changes' : ''}.`,
    'In brackets: ratio of the times (where cells hold bytes per second, of the rates) to the first column in the same round, median and range. Noise: the first column against itself.',
    ...tables.flatMap((lines) => ['', ...lines]),
  ].join('\n');
}

/** Neighbouring cases with the same contenders make one table. */
function columnRuns(rows: readonly CaseResult[]): CaseResult[][] {
  const runs: CaseResult[][] = [];
  for (const row of rows) {
    const last = runs.at(-1);
    if (last && columnsOf(last[0]!) === columnsOf(row)) last.push(row);
    else runs.push([row]);
  }
  return runs;
}

const columnsOf = (row: CaseResult) => JSON.stringify([row.kind, row.contenders.map((c) => c.name)]);

function table(rows: readonly CaseResult[]): string[] {
  const first = rows[0]!;
  const heads = first.contenders.map(({ name, version }) => (version ? `${name} ${version}` : name));
  const lines = rows.map((row) => {
    const cells = row.contenders.map((c) => cell(c, row.work));
    return [row.case, row.work ? rateUnit(row.work) : 'time', ...cells, row.aa ? spread(row.aa) : '', beside(row)];
  });
  const head = [`case (${first.kind})`, 'unit', ...heads, 'noise', 'beside it'];
  // A column that says nothing is left out: the unit where each cell bears its own, and what stands beside nothing.
  const used = head.map((_, i) => (i === 1 ? rows.some((row) => row.work) : lines.some((line) => line[i] !== '')));
  const format = (line: readonly string[]) => `| ${line.filter((_, i) => used[i]).join(' | ')} |`;
  const notes = rows.flatMap((row) => row.contenders).filter(({ missing = '' }) => missing.length > SHORT);
  const unique = new Set(
    notes.map(({ name, missing = '' }) => `${name}: ${missing.replaceAll('\n', ' ').slice(0, 400)}`),
  );
  const below = [...unique].flatMap((note) => ['', `— ${note}`]);
  return [format(head), format(head.map(() => '---')), ...lines.map(format), ...below];
}

/** Characters of a reason that fits into a cell; longer ones stand below the table. */
const SHORT = 40;

function cell({ median, unit, ratio, missing }: ContenderResult, work: Work | undefined): string {
  if (median === null) return missing !== undefined && missing.length <= SHORT ? missing : '—';
  const value = work ? significant(work.amount / median / 1e9) : withUnit(median, unit);
  return ratio ? `${value} (${spread(ratio)})` : value;
}

/** `0.98, 0.95–1.02`; without the range where there is one round. */
function spread({ median, low, high }: Ratio): string {
  return low === high ? significant(median) : `${significant(median)}, ${significant(low)}–${significant(high)}`;
}

const rateUnit = ({ unit }: Work) => (unit === 'FLOP' ? 'GFLOP/s' : 'GB/s');

/** Facts of a row: one figure where all contenders agree to four digits, else one per contender; errors by the worst. */
function beside({ contenders }: CaseResult): string {
  const able = contenders.filter((c) => c.extra !== undefined);
  const keys = [...new Set(able.flatMap((c) => Object.keys(c.extra ?? {})))].filter((key) => key !== 'checksum');
  return keys
    .map((key) => {
      const facts = able.flatMap((c) => c.extra?.[key] ?? []);
      if (key === 'error') return `largest error ${Math.max(...facts.map(Number)).toExponential(1)}`;
      const shown = facts.map(fact);
      return `${key} ${(new Set(shown).size === 1 ? shown.slice(0, 1) : shown).join(' / ')}`;
    })
    .join(', ');
}

const fact = (value: number | string) => (typeof value === 'number' ? String(Number(value.toPrecision(4))) : value);

/** Three digits, without an exponent. */
function significant(value: number): string {
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 0.1 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
}

function withUnit(value: number, unit: string): string {
  if (unit === 'bytes/s') return `${significant(value / 1e9)} GB/s`;
  if (value < 1e-3) return `${significant(value * 1e6)} µs`;
  return value < 1 ? `${significant(value * 1e3)} ms` : `${significant(value)} s`;
}
