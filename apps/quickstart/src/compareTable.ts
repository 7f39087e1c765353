/** The last thing `npm start` prints: the runs side by side. */
import { formatBytes } from '@strata-ml/core';
import type { TrainReport } from '@strata-ml/gnn-dist';
import Table from 'cli-table3';
import pc from 'picocolors';

/** A row per figure and a column per run. */
export function compareTable(runs: Readonly<Record<string, TrainReport>>): string {
  const table = new Table({ style: { head: [], border: [], compact: true } });
  const reports = Object.values(runs);
  const row = (name: string, figure: (r: TrainReport) => string) => table.push([name, ...reports.map(figure)]);
  const ms = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;
  table.push(['', ...Object.keys(runs).map((title) => pc.bold(title))]);
  row('test accuracy', (r) => `${(100 * r.metrics.testAccuracy).toFixed(2)} %`);
  row('training loss, last epoch', (r) => r.metrics.finalTrainLoss.toFixed(6));
  row('epoch, median', (r) => ms(r.metrics.epochSeconds.median));
  row('  of it waiting for halo rows', (r) => ms(r.metrics.parts.halo));
  row('  of it waiting for gradients', (r) => ms(r.metrics.parts.gradient));
  row('halo bytes per epoch inside servers', (r) => formatBytes(r.metrics.intraBytesPerEpoch));
  row('halo bytes per epoch between servers', (r) => formatBytes(r.metrics.interBytesPerEpoch));
  row('  the closed form says', (r) => formatBytes(r.metrics.predicted.interBytesPerEpoch));
  row('gradient bytes per epoch inside servers', (r) => phaseBytes(r, 'gradient', 'intra'));
  row('gradient bytes per epoch between servers', (r) => phaseBytes(r, 'gradient', 'inter'));
  row('bytes at set-up between servers', (r) => phaseBytes(r, 'setup', 'inter'));
  row('peak memory of a device', (r) => formatBytes(Math.max(...r.metrics.peakDeviceBytes)));
  return table.toString();
}

function phaseBytes(report: TrainReport, phase: string, linkClass: string): string {
  const rows = report.metrics.traffic.filter((t) => t.phase === phase && t.class === linkClass);
  return formatBytes(rows.reduce((sum, t) => sum + t.bytes, 0));
}
