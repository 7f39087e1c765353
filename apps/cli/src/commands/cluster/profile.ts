/** `strata cluster profile`. */
import {
  describeCluster,
  formatBandwidth,
  formatBytes,
  formatDuration,
  launch,
  OptionError,
  type PairProfile,
  type ProfileOptions,
  parseBytes,
  profileReport,
  worldSizeOf,
  writeClusterFile,
} from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { addClusterFlags, addCommonFlags, type ClusterFlags, type CommonFlags, integer } from '../../options.js';
import { checkWritableFile } from '../../output/Output.js';
import { columnTable } from '../../output/table.js';

interface Flags extends CommonFlags, ClusterFlags {
  readonly out?: string;
  readonly largest: number;
  readonly repeats: number;
}

const smallestBytes = 1024;

/** Adds `profile`. */
export function profileCommand(area: Command): void {
  const command = area
    .command('profile')
    .description('measure latency and bandwidth between the ranks of a cluster')
    .option('--out <file>', 'write the cluster with its measured links as a cluster file')
    .option('--largest <size>', 'largest message (default: 64MiB)', readLargest, 64 * 2 ** 20)
    .option('--repeats <n>', 'timed round trips of each size', integer('--repeats', { min: 1, max: 1000 }), 5);
  addClusterFlags(addCommonFlags(command)).action(
    action<Flags>(
      'cluster profile',
      async (flags, { output, rank, signal }) => {
        const place = await placeOf(flags, rank);
        if (worldSizeOf(place.cluster) < 2) {
          throw new OptionError(
            'cluster profile',
            'ranks',
            1,
            'at least 2',
            'give --cluster 1x2, or start it under mpirun',
          );
        }
        if (flags.out !== undefined && rank.isRoot) await checkWritableFile('--out', flags.out);
        output.note('measuring …');
        const { results } = await launch<ProfileOptions, PairProfile[], never>(
          place.cluster,
          new URL('./profileEntry.js', import.meta.url),
          { sizes: sizesUpTo(flags.largest), repeats: flags.repeats },
          { transport: place.transport, signal, timeoutMs: 600_000 },
        );
        const pairs = results[0] ?? []; // none on MPI ranks other than 0, which print and write nothing
        const cluster = profileReport(place.cluster, pairs);
        if (flags.out !== undefined && rank.isRoot) await writeClusterFile(flags.out, cluster);

        const kind = linkKind(place);
        const rows = pairs.map((p) => [
          `${p.from} ↔ ${p.to}`,
          p.linkClass,
          formatDuration(Number(p.latencyS.toPrecision(3))),
          formatBandwidth(Number(p.bandwidthBytesPerS.toPrecision(3))),
          formatBandwidth(Number(p.streamBytesPerS.toPrecision(3))),
        ]);
        output.print(
          columnTable(['ranks', 'link', 'latency', 'bandwidth', 'stream'], rows, [
            'left',
            'left',
            'right',
            'right',
            'right',
          ]),
        );
        const source = kind === 'emulated' ? 'measured on emulated links: this is what the emulation does' : 'measured';
        output.print(`\n${describeCluster(cluster)}\n${source}; messages of 1 KiB to ${formatBytes(flags.largest)}`);
        if (flags.out !== undefined) output.print(`written to ${flags.out}`);
        return { config: { ...flags, ...place }, metrics: { cluster, pairs }, labels: { links: kind } };
      },
      { isInterruptible: true },
    ),
  );
}

/** Powers of four from 1 KiB, and the largest itself. */
function sizesUpTo(largest: number): number[] {
  const sizes: number[] = [];
  for (let bytes = smallestBytes; bytes < largest; bytes *= 4) sizes.push(bytes);
  return [...sizes, largest];
}

function readLargest(text: string): number {
  const bytes = parseBytes(text, '--largest');
  if (bytes <= smallestBytes || bytes > 2 ** 30) {
    throw new OptionError('--largest', 'size', text, 'above 1 KiB and at most 1 GiB');
  }
  return bytes;
}
