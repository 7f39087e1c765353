/** The table of `gnn compare`, for the terminal and for the page: a row per figure, a column per mode. */
import { formatBytes } from '@strata-ml/core';
import type { ComparedMode, CompareReport } from '@strata-ml/gnn-dist';
import type { FigureKind } from '../../output/envelope.js';
import { count, figure, percent, seconds } from '../../output/format.js';

/** Name of a figure, then its value for each mode. */
export type CompareRow = readonly [name: string, ...values: string[]];

/** Parts of an epoch, in the order in which they are shown. */
export const epochParts = ['compute', 'intra', 'inter', 'gradient', 'sampling'] as const;

const partNames = {
  compute: 'compute',
  intra: 'waiting inside servers',
  inter: 'waiting between servers',
  gradient: 'waiting for gradients',
  sampling: 'sampling',
} as const;

/** What a part is called where people read it. */
export function partName(part: (typeof epochParts)[number]): string {
  return partNames[part];
}

/** Bytes that one epoch sends over links of a class, all phases, summed over ranks. */
function epochBytes({ metrics }: ComparedMode, link: 'intra' | 'inter'): number {
  return metrics.traffic
    .filter((row) => row.class === link && row.phase !== 'setup')
    .reduce((sum, row) => sum + row.bytes, 0);
}

/** Lays out the comparison. */
export function compareRows({ modes }: CompareReport, links: FigureKind): CompareRow[] {
  const row = (name: string, value: (mode: ComparedMode) => string): CompareRow => [name, ...modes.map(value)];
  const reference = modes[0]?.mode ?? '';
  return [
    row('test accuracy', ({ metrics: m }) => percent(m.testAccuracy)),
    row('validation accuracy', ({ metrics: m }) => percent(m.valAccuracy)),
    row('epoch', ({ metrics: m }) => seconds(m.epochSeconds.median)),
    row('  fastest to slowest', ({ metrics: { epochSeconds: e } }) => `${seconds(e.min)} – ${seconds(e.max)}`),
    ...epochParts.map((part) => row(`  ${partName(part)}`, ({ metrics: m }) => seconds(m.parts[part]))),
    row(`speed-up over ${reference}`, ({ speedup }) => `${figure(speedup)} ×`),
    row(`between servers / epoch (links ${links})`, (mode) => formatBytes(epochBytes(mode, 'inter'))),
    row('inside servers / epoch', (mode) => formatBytes(epochBytes(mode, 'intra'))),
    row('set-up between servers', ({ setupBytes }) => formatBytes(setupBytes.interBytes)),
    row('  of it features preloaded', ({ metrics: m }) => formatBytes(m.preload.interBytes)),
    row('set-up inside servers', ({ setupBytes }) => formatBytes(setupBytes.intraBytes)),
    row(`sent no more than ${reference} in all`, ({ amortisedAfterEpochs: epochs }) =>
      epochs === null
        ? 'never'
        : epochs === 0
          ? 'from the start'
          : `after ${count(epochs)} epoch${epochs === 1 ? '' : 's'}`,
    ),
    row('set-up time', ({ metrics: m }) => seconds(m.setupSeconds)),
    row('peak device memory', ({ metrics: m }) => formatBytes(Math.max(...m.peakDeviceBytes))),
  ];
}
