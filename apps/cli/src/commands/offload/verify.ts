/** `strata offload verify DIR`. */
import { formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { count, seconds } from '../../output/format.js';

/** Adds `verify`. */
export function verifyStoreCommand(area: Command): void {
  const command = area
    .command('verify <dir>')
    .description('read a prepared graph whole and compare it with its checksums and with itself');
  addCommonFlags(command).action(
    action<CommonFlags>(
      'offload verify',
      async (_, { output, signal }, [folder = '']) => {
        const { openGraphStore, verifyGraphStore } = await import('@strata-ml/storage-offload');
        const store = await openGraphStore(folder);
        const started = performance.now();
        const progress = output.progress('partition', store.meta.parts, 16);
        try {
          const found = await verifyGraphStore(store, {
            signal,
            onPartition: (done) => progress.update(done, 'in order'),
          });
          progress.stop();
          const took = (performance.now() - started) / 1000;
          output.print(
            `${folder}: in order: ${count(found.partitions)} partitions, ${count(found.edges)} edges, ${formatBytes(found.bytes)} compared with their checksums in ${seconds(took)}`,
          );
          return { config: { folder }, metrics: { ...found, seconds: took } };
        } finally {
          progress.stop();
          await store.close();
        }
      },
      { isInterruptible: true },
    ),
  );
}
