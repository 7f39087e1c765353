/** `strata graph partition`. */
import { OptionError } from '@strata-ml/core';
import type { PartitionMethod } from '@strata-ml/graph';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { placeOf } from '../../cluster.js';
import { addCommonFlags, addSeedFlag, type CommonFlags, integer } from '../../options.js';
import { count, figure, percent, seconds } from '../../output/format.js';
import { checkWritableFile } from '../../output/Output.js';
import { factTable } from '../../output/table.js';

interface Flags extends CommonFlags {
  readonly data: string;
  readonly method: string;
  readonly parts?: number;
  readonly passes: number;
  readonly cluster?: string;
  readonly out?: string;
  readonly seed: number;
}

/** Adds `partition`. */
export function partitionCommand(area: Command): void {
  const command = area
    .command('partition')
    .description('split the vertices of a graph into parts and measure the cut')
    .requiredOption('--data <name>', 'name of a data set, a folder in the same layout, or a graph file')
    .option('--method <name>', 'random, hash, range, ldg or fennel', 'fennel')
    .option('--parts <n>', 'number of parts', integer('--parts', { min: 1 }))
    .option(
      '--passes <n>',
      'how often ldg and fennel play their stream; 1 is the papers’ algorithm',
      integer('--passes', { min: 1 }),
      10,
    )
    .option('--cluster <shape>', 'instead of --parts: servers × devices, split over servers first')
    .option('--out <file>', 'write the part of each vertex, one number a line (METIS convention)');
  addSeedFlag(addCommonFlags(command)).action(
    action<Flags>('graph partition', async (flags, { output, rank }) => {
      const { partitionCluster, partitionMethods, partitionMetrics, writePartitionFile } = await import(
        '@strata-ml/graph'
      );
      const { loadNodeDataset } = await import('@strata-ml/datasets');
      const { data, method: name, parts, cluster: shape, out, seed, passes } = flags;
      const method: PartitionMethod | undefined = partitionMethods.find((known) => known === name);
      if (!method) throw new OptionError('--method', 'value', name, `one of ${partitionMethods.join(', ')}`);
      if ((parts === undefined) === (shape === undefined)) {
        throw new OptionError('graph partition', '--parts or --cluster', 'neither or both', 'given, one of the two');
      }
      if (out !== undefined) await checkWritableFile('--out', out);
      const devicesPerServer =
        shape === undefined ? [parts ?? 1] : (await placeOf({ cluster: shape }, rank)).cluster.devicesPerServer;

      const { graph, name: title } = await loadNodeDataset(data);
      const started = performance.now();
      const partOf = partitionCluster(graph, devicesPerServer, { method, seed, passes });
      const took = (performance.now() - started) / 1000;
      const metrics = partitionMetrics(graph, partOf, { devicesPerServer });
      if (out !== undefined) await writePartitionFile(out, partOf);

      output.print(`${title}: ${count(graph.numVertices)} vertices · ${count(graph.indices.length)} directed edges\n`);
      output.print(
        factTable([
          ['edges cut', count(metrics.edgeCut), percent(metrics.cutRatio)],
          ['communication volume', count(metrics.communicationVolume), 'rows sent in one exchange'],
          ['largest part', `${figure(metrics.balance)} × the mean`],
          ['time', seconds(took), 'measured'],
          ...(out === undefined ? [] : [['written', out] as const]),
        ]),
      );
      const peakRssBytes = process.resourceUsage().maxRSS * 1024;
      return { config: { ...flags, devicesPerServer }, metrics: { ...metrics, seconds: took, peakRssBytes } };
    }),
  );
}
