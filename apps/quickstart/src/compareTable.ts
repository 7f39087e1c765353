/** The last thing `npm start` prints: the two runs side by side. */
import { formatBytes } from '@strata-ml/core';
import type { TrainReport } from '@strata-ml/gnn-dist';
import type Table from 'cli-table3';
import pc from 'picocolors';

/** Fills `table` with a row per figure and a column per run. */
export function compareTable(table: InstanceType<typeof Table>, one: TrainReport, many: TrainReport): string {
  const row = (name: string, figure: (r: TrainReport) => string) => table.push([name, figure(one), figure(many)]);
  const gradient = (r: TrainReport, linkClass: string) =>
    r.metrics.traffic
      .filter((t) => t.phase === 'gradient' && t.class === linkClass)
      .reduce((sum, t) => sum + t.bytes, 0);
  const ms = (seconds: number) => `${(1000 * seconds).toFixed(0)} ms`;
  table.push(['', pc.bold('1 × 1'), pc.bold('2 × 2')]);
  row('test accuracy', (r) => `${(100 * r.metrics.testAccuracy).toFixed(2)} %`);
  row('training loss, last epoch', (r) => r.metrics.finalTrainLoss.toFixed(6));
  row('epoch, median (measured)', (r) => ms(r.metrics.epochSeconds.median));
  row('  waiting for halo rows', (r) => ms(r.metrics.parts.halo));
  row('  waiting for gradients', (r) => ms(r.metrics.parts.gradient));
  row('halo bytes inside servers', (r) => formatBytes(r.metrics.intraBytesPerEpoch));
  row('halo bytes between servers', (r) => formatBytes(r.metrics.interBytesPerEpoch));
  row('  closed form says', (r) => formatBytes(r.metrics.predicted.interBytesPerEpoch));
  row('gradient bytes inside servers', (r) => formatBytes(gradient(r, 'intra')));
  row('gradient bytes between servers', (r) => formatBytes(gradient(r, 'inter')));
  row('peak memory of a device', (r) => formatBytes(Math.max(...r.metrics.peakDeviceBytes)));
  return table.toString();
}
