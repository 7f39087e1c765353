/** `strata offload inspect DIR`. */
import { formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags, integer } from '../../options.js';
import { count } from '../../output/format.js';
import { columnTable } from '../../output/table.js';
import { storeTable } from './storeTable.js';

interface Flags extends CommonFlags {
  readonly limit: number;
}

/** Adds `inspect`. */
export function inspectCommand(area: Command): void {
  const command = area
    .command('inspect <dir>')
    .description('what a prepared graph holds, partition by partition')
    .option('--limit <n>', 'partitions listed (default: 20)', integer('--limit', { min: 0 }), 20);
  addCommonFlags(command).action(
    action<Flags>('offload inspect', async ({ limit }, { output }, [folder = '']) => {
      const { openGraphStore } = await import('@strata-ml/storage-offload');
      const store = await openGraphStore(folder, { workers: 1 });
      try {
        const { meta } = store;
        const partitions = meta.nonZeros.map((edges, p) => ({
          partition: p,
          vertices: store.rows(p),
          gatheredRows: store.expandedRows(p),
          edges,
          reads: store.dependencies(p).length,
          topologyBytes: store.topologyBytes(p),
          featureBytes: store.features.paddedBytes(p),
        }));
        output.print(storeTable(meta, folder));
        const head = ['partition', 'vertices', 'gathers', 'edges', 'reads', 'edges on drive', 'features on drive'];
        const rows = partitions
          .slice(0, limit)
          .map((row) => [
            String(row.partition),
            count(row.vertices),
            count(row.gatheredRows),
            count(row.edges),
            `${row.reads} of ${meta.parts}`,
            formatBytes(row.topologyBytes),
            formatBytes(row.featureBytes),
          ]);
        if (limit > 0)
          output.print(
            `\n${columnTable(
              head,
              rows,
              head.map(() => 'right' as const),
            )}`,
          );
        if (partitions.length > limit) output.print(`… and ${count(partitions.length - limit)} more (--limit)`);
        return {
          config: { folder, limit },
          metrics: { ...meta, residentBytes: store.residentBytes, mode: store.device.mode, partitions },
        };
      } finally {
        await store.close();
      }
    }),
  );
}
