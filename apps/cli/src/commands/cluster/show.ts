/** `strata cluster show`. */
import {
  clusterToYaml,
  describeCluster,
  formatBandwidth,
  formatBytes,
  formatDuration,
  placeRank,
  worldSizeOf,
} from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { placeOf } from '../../cluster.js';
import { addClusterFlags, addCommonFlags, type ClusterFlags, type CommonFlags } from '../../options.js';
import { columnTable } from '../../output/table.js';

/** Adds `show`. */
export function showCommand(area: Command): void {
  addClusterFlags(addCommonFlags(area.command('show').description('check a cluster and print what it means'))).action(
    action<CommonFlags & ClusterFlags>('cluster show', async (flags, { output, rank }) => {
      const { cluster } = await placeOf(flags, rank);
      output.print(`${describeCluster(cluster)}\n`);
      const link = (name: string, { bandwidthBytesPerS, latencyS }: typeof cluster.interLink) => [
        name,
        formatBandwidth(bandwidthBytesPerS),
        formatDuration(latencyS),
      ];
      output.print(
        columnTable(
          ['link', 'bandwidth', 'latency'],
          [link('inside a server', cluster.intraLink), link('between servers', cluster.interLink)],
          ['left', 'right', 'right'],
        ),
      );
      const ranks = Array.from({ length: worldSizeOf(cluster) }, (_, r) => ({ rank: r, ...placeRank(cluster, r) }));
      const memory = cluster.deviceMemoryBytes === undefined ? 'no budget' : formatBytes(cluster.deviceMemoryBytes);
      output.print(
        `\n${columnTable(
          ['rank', 'server', 'device', 'memory'],
          ranks.map((r) => [String(r.rank), String(r.server), String(r.localRank), memory]),
          ['right', 'right', 'right', 'right'],
        )}`,
      );
      output.print(`\nAs a cluster file:\n\n${clusterToYaml(cluster).trimEnd()}`);
      return { config: { ...flags }, metrics: { cluster, ranks } };
    }),
  );
}
