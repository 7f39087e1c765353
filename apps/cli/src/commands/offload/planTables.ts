/** A plan as people read it: what fits where, what moves, how long. */
import { formatBytes } from '@strata-ml/core';
import type { MemoryPlan } from '@strata-ml/storage-offload';
import pc from 'picocolors';
import { count, figure, percent, seconds } from '../../output/format.js';
import { columnTable, factTable } from '../../output/table.js';

const modes: Readonly<Record<MemoryPlan['mode'], string>> = {
  resident: 'everything stays in memory, the drive is read once',
  layer: 'whole layers stay, the rest comes and goes',
  partition: 'single blocks come and go',
};

/** All tables of a plan, and its remarks. */
export function planTables(plan: MemoryPlan, isDirect: boolean): string {
  const sections = [whatFits(plan), ...(plan.epoch ? [whatMoves(plan, isDirect)] : [])];
  if (plan.seconds) sections.push(howLong(plan.seconds));
  if (plan.policies.length > 0) sections.push(policies(plan.policies));
  const remarks = plan.remarks.map((text) => pc.yellow(text));
  const verdict = plan.fits ? `fits: ${modes[plan.mode]}` : pc.red('does not fit');
  return [...sections, [verdict, ...remarks].join('\n')].join('\n\n');
}

function whatFits({ host, device, storageBytes, parts, alpha, rho }: MemoryPlan): string {
  const limit = Number.isFinite(device.budgetBytes) ? `of ${formatBytes(device.budgetBytes)}` : 'no limit';
  return factTable([
    ['partitions', count(parts), `α ${figure(alpha)}, ρ ${figure(rho)}`],
    ['host memory, held', formatBytes(host.peakBytes), `of ${formatBytes(host.budgetBytes)}`],
    ['  at least', formatBytes(host.minimumBytes), `tables of the graph: ${formatBytes(host.tableBytes)}`],
    ['  nothing to read or write from', formatBytes(host.residentBytes)],
    [
      'device memory, about',
      formatBytes(device.bytes),
      `${limit}; partition ${device.partition}, stage ${device.stage + 1}`,
    ],
    ['drive', formatBytes(storageBytes), 'if everything is written'],
  ]);
}

function whatMoves({ epoch, firstEpoch, traffic }: MemoryPlan, isDirect: boolean): string {
  const kinds = Object.entries(epoch!.byKind).filter(([, { read, written }]) => read + written > 0);
  const rows = kinds.map(([kind, { read, written }]) => [kind, formatBytes(read), formatBytes(written)]);
  const { bytesRead, bytesWritten, hits, misses, spillWritten } = epoch!.counters;
  rows.push([pc.bold('drive, an epoch'), formatBytes(bytesRead), formatBytes(bytesWritten)]);
  const first = firstEpoch!.counters;
  rows.push(['  the first epoch', formatBytes(first.bytesRead), formatBytes(first.bytesWritten)]);
  rows.push([pc.bold('device, an epoch'), formatBytes(traffic.uploadBytes), formatBytes(traffic.downloadBytes)]);
  const facts = [
    `hit rate ${percent(hits / Math.max(1, hits + misses))}`,
    `gradient sums put aside ${formatBytes(spillWritten)}`,
    ...(isDirect ? [] : ['buffered: the page cache may answer in place of the drive']),
  ];
  return `${columnTable(['', 'read / up', 'written / down'], rows, ['left', 'right', 'right'])}\n${facts.join(' · ')}`;
}

function howLong({ read, write, copy, compute, overlapped, serial }: NonNullable<MemoryPlan['seconds']>): string {
  return factTable([
    ['an epoch, predicted', `${seconds(overlapped)} to ${seconds(serial)}`, 'all lanes at once, or one after another'],
    ['  reading', seconds(read)],
    ['  writing', seconds(write)],
    ['  to and from the device', seconds(copy)],
    ['  computing', seconds(compute)],
  ]);
}

function policies(compared: MemoryPlan['policies']): string {
  const rows = compared.map(({ policy, misses, bytesRead, bytesWritten }) => [
    policy,
    count(misses),
    formatBytes(bytesRead),
    formatBytes(bytesWritten),
  ]);
  return columnTable(['cache policy', 'misses', 'read', 'written'], rows, ['left', 'right', 'right', 'right']);
}
