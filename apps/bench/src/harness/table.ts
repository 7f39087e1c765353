/** Result tables in markdown, for the terminal and the READMEs. */
import type { CaseResult, Ratio, SuiteResult } from './types.js';

/** One markdown table per suite, with the machine it was measured on. */
export function markdownTable(result: SuiteResult): string {
  const lines = [
    `Measured with \`${result.command}\`: ${result.rounds} rounds, ${result.machine}, Node ${result.node}, commit ${result.commit}${result.dirty ? ' with local changes' : ''}.`,
    '',
    '| case | contender | median | ratio to first (range) | noise (first to itself) | beside it |',
    '| --- | --- | --- | --- | --- | --- |',
  ];
  for (const row of result.rows) lines.push(...caseLines(row));
  return lines.join('\n');
}

function caseLines(row: CaseResult): string[] {
  return row.contenders.map((c, i) => {
    if (c.missing !== undefined) return `| ${row.case} | ${c.name} | skipped: ${c.missing} | | | |`;
    const extra = Object.entries(c.extra ?? {})
      .map(([k, v]) => `${k} ${typeof v === 'number' ? Number(v.toPrecision(4)) : v}`)
      .join(', ');
    const noise = i === 0 ? formatRatio(row.aa) : '';
    return `| ${row.case} (${row.kind}) | ${c.name} ${c.version} | ${formatValue(c.median, c.unit)} | ${c.ratio ? formatRatio(c.ratio) : '1'} | ${noise} | ${extra} |`;
  });
}

const formatRatio = (r: Ratio) => `${r.median.toFixed(3)} (${r.low.toFixed(3)}–${r.high.toFixed(3)})`;

function formatValue(value: number, unit: string): string {
  if (unit === 'bytes/s') return `${(value / 1e9).toFixed(2)} GB/s`;
  if (value < 1e-3) return `${(value * 1e6).toFixed(1)} µs`;
  return value < 1 ? `${(value * 1e3).toFixed(2)} ms` : `${value.toFixed(3)} s`;
}
