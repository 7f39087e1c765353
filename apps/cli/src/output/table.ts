/** Tables for the terminal. */
import Table from 'cli-table3';
import pc from 'picocolors';

/** Rows of name, value and remark; empty remarks leave the column narrow. */
export type FactRow = readonly [name: string, value: string, remark?: string];

/** Facts one below the other, without lines between them. */
export function factTable(rows: readonly FactRow[]): string {
  const table = new Table({ chars: noLines, style: { head: [], border: [], 'padding-left': 2, 'padding-right': 0 } });
  for (const [name, value, remark = ''] of rows) table.push([pc.dim(name), value, pc.dim(remark)]);
  return trimmed(table.toString());
}

/**
 * Columns under headings.
 *
 * @param align - per column; numbers to the right
 */
export function columnTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  align: readonly ('left' | 'right')[] = [],
): string {
  const table = new Table({
    head: head.map((h) => pc.bold(h)),
    colAligns: head.map((_, i) => align[i] ?? 'left'),
    chars: { ...noLines, mid: '', 'mid-mid': '', 'left-mid': '', 'right-mid': '' },
    style: { head: [], border: [], 'padding-left': 2, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => [...row]));
  return trimmed(table.toString());
}

const noLines = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

/** Padding at line ends disturbs who copies from a terminal. */
function trimmed(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
