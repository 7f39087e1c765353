/** The tables at the end of `gnn train --offload`. */
import { formatBytes } from '@strata-ml/core';
import type { GraphStore, OffloadReport } from '@strata-ml/storage-offload';
import pc from 'picocolors';
import { count, percent, seconds } from '../../output/format.js';
import { columnTable, type FactRow, factTable } from '../../output/table.js';

/** Bytes that a common 1 TB drive is warranted for: 600 TB. */
const ENDURANCE = 600e12;

/** What is not in the report. */
export interface OffloadTableContext {
  readonly store: GraphStore;
  readonly trace: string | undefined;
  readonly hostMemory: number;
  readonly deviceMemory: number | undefined;
}

/** Lays out a report for people. */
export function offloadTable({ metrics: m, files }: OffloadReport, context: OffloadTableContext): string {
  const { store, trace, hostMemory, deviceMemory } = context;
  const written = m.storage.bytesWritten;
  const rows: FactRow[] = [
    ['test accuracy', pc.bold(percent(m.testAccuracy)), `at epoch ${m.bestEpoch}, the best on validation vertices`],
    ['validation', percent(m.valAccuracy)],
    ['training', percent(m.trainAccuracy), `loss ${m.trainLoss.toFixed(4)}`],
    [
      'epoch',
      seconds(m.epochSeconds.median),
      `median of ${m.epochSeconds.count}; the first ${seconds(m.firstEpochSeconds)}; ${seconds(m.waitSeconds)} asleep for the drive`,
    ],
    ['parameters', count(m.parameters), `SHA-256 ${m.parametersHash.slice(0, 12)}…`],
    ['host memory', formatBytes(m.peakHostBytes), `peak; budget ${formatBytes(hostMemory)}`],
    [
      'device memory',
      formatBytes(Math.max(...m.peakDeviceBytes)),
      deviceMemory === undefined ? 'peak; no budget' : `peak; budget ${formatBytes(deviceMemory)}`,
    ],
    ['whole process', formatBytes(m.peakRssBytes), 'peak resident memory, Node and its libraries included'],
    ['cache', percent(m.hitRate), 'of accesses found their block in memory, last epoch'],
    [
      'drive writes',
      `${formatBytes(written)} / epoch`,
      `1,000 epochs: ${formatBytes(1000 * written)}, ${percent((1000 * written) / ENDURANCE)} of 600 TB endurance`,
    ],
  ];
  if (m.spillBytes > 0) rows.push(['put aside', formatBytes(m.spillBytes), 'gradient sums, part of the drive’s bytes']);
  if (files.checkpoint) rows.push(['checkpoint', files.checkpoint]);
  if (trace !== undefined) rows.push(['trace', trace, 'open in ui.perfetto.dev']);
  if (m.predicted.uploadBytes === 0) return factTable(rows);
  const bytes = (of: (from: typeof m.predicted) => number): string[] => [
    count(of(m.predicted)),
    count(of(m)),
    of(m.predicted) === of(m) ? 'equal' : pc.red('different'),
  ];
  const compared = columnTable(
    ['bytes of the last epoch', 'predicted', 'counted', ''],
    [
      [`read from the drive (${store.device.mode})`, ...bytes((x) => x.storage.bytesRead)],
      ['written to it', ...bytes((x) => x.storage.bytesWritten)],
      ['host to device', ...bytes((x) => x.uploadBytes)],
      ['device to host', ...bytes((x) => x.downloadBytes)],
    ],
    ['left', 'right', 'right', 'left'],
  );
  return `${factTable(rows)}\n\n${compared}`;
}
