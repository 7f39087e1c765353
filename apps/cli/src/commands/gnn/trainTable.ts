/** The table at the end of `gnn train`. */
import { formatBytes } from '@strata-ml/core';
import type { TrainReport } from '@strata-ml/gnn-dist';
import pc from 'picocolors';
import type { FigureKind } from '../../output/envelope.js';
import { count, percent, seconds } from '../../output/format.js';
import { type FactRow, factTable } from '../../output/table.js';

/** What is not in the report. */
export interface TableContext {
  readonly trace: string | undefined;
  readonly links: FigureKind;
}

/** Lays out a report for people. */
export function trainingTable(report: TrainReport, { trace, links }: TableContext): string {
  const { metrics: m, files } = report;
  const epochs = report.timeline.epochs.length;
  const isCluster = m.peakDeviceBytes.length > 1;
  const rows: FactRow[] = [
    ['test accuracy', pc.bold(percent(m.testAccuracy)), `at epoch ${m.bestEpoch}, the best on validation vertices`],
    ['validation', percent(m.valAccuracy), `after the last of ${count(epochs)} epochs ${percent(m.finalValAccuracy)}`],
    ['training', percent(m.trainAccuracy), `loss ${m.trainLoss.toFixed(4)}`],
    ['epoch', seconds(m.epochSeconds.median), epochRemark(m)],
    ['parameters', count(m.parameters), `SHA-256 ${m.parametersHash.slice(0, 12)}…`],
    ['device memory', formatBytes(Math.max(...m.peakDeviceBytes)), isCluster ? 'peak of the fullest device' : 'peak'],
  ];
  if (isCluster) {
    rows.push(
      ['inside servers', `${formatBytes(m.intraBytesPerEpoch)} / epoch`, 'rows and their gradients, counted'],
      [
        'between servers',
        `${formatBytes(m.interBytesPerEpoch)} / epoch`,
        `rows and their gradients, counted; links ${links}`,
      ],
      ['preloaded', formatBytes(m.preload.interBytes), 'features between servers before the first epoch, counted'],
      ['gradients', `${formatBytes(bytesOf(m, 'gradient'))} / epoch`, 'summed over ranks, both link classes'],
    );
  }
  if (files.model) rows.push(['model', files.model]);
  if (files.checkpoint) rows.push(['checkpoint', files.checkpoint]);
  if (trace !== undefined) rows.push(['trace', trace, 'open in ui.perfetto.dev']);
  return factTable(rows);
}

function epochRemark({ epochSeconds: { min, max, count: n }, parts }: TrainReport['metrics']): string {
  const range = `median of ${n}, ${seconds(min)} to ${seconds(max)}, measured`;
  const named = (['intra', 'inter', 'gradient', 'sampling'] as const).filter((part) => parts[part] > 0);
  const text = named.map((part) => `${part} ${seconds(parts[part])}`).join(', ');
  return text ? `${range}; of it ${text}` : range;
}

function bytesOf({ traffic }: TrainReport['metrics'], phase: string): number {
  return traffic.filter((r) => r.phase === phase && r.class !== 'local').reduce((sum, r) => sum + r.bytes, 0);
}
