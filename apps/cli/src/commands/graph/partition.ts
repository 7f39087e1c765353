/** `strata graph partition`. */
import { existsSync, statSync } from 'node:fs';
import { formatBytes, OptionError, parseBytes } from '@strata-ml/core';
import type { PartitionMethod } from '@strata-ml/graph';
import type { Command } from 'commander';
import { action, type CommandContext } from '../../action.js';
import { placeOf } from '../../cluster.js';
import { addCommonFlags, addSeedFlag, type CommonFlags, choice, integer, number } from '../../options.js';
import { count, figure, percent, seconds } from '../../output/format.js';
import { checkWritableFile } from '../../output/Output.js';
import { factTable } from '../../output/table.js';
import { partitionInMemory } from './partitionInMemory.js';

interface Flags extends CommonFlags {
  readonly data: string;
  readonly method: string;
  readonly parts?: number;
  readonly passes?: number;
  readonly balance?: number;
  readonly objective: 'cut' | 'vol';
  readonly cluster?: string;
  readonly out?: string;
  readonly seed: number;
  readonly vertices?: number;
  readonly memory?: string;
  readonly chunkEdges?: number;
  readonly decay?: number;
  readonly recursive?: boolean;
  readonly tmp?: string;
  readonly layout?: string;
}

/** What both ways report. */
interface Outcome {
  readonly partOf: Int32Array;
  readonly title: string;
  readonly seconds: number;
  readonly edgeCut: number;
  readonly cutRatio: number;
  readonly communicationVolume: number;
  readonly balance: number;
  readonly [further: string]: unknown;
}

/** Adds `partition`. */
export function partitionCommand(area: Command): void {
  const positive = { min: 1 };
  const command = area
    .command('partition')
    .description('split the vertices of a graph into parts and measure the cut')
    .requiredOption(
      '--data <name>',
      'name of a data set, a folder in the same layout, or a graph file; grem and frozen stream edge lists of any size',
    )
    .option(
      '--method <name>',
      'random, hash, range, ldg, fennel, frozen, grem, multilevel, metis, switching, spinner or 2ps-l',
      'fennel',
    )
    .option('--parts <n>', 'number of parts', integer('--parts', positive))
    .option(
      '--passes <n>',
      'how often ldg, fennel (default 10) and grem (default 1) play their stream; 1 is the papers’ algorithm',
      integer('--passes', positive),
    )
    .option(
      '--balance <x>',
      'largest part over mean part (default 1.03, ldg and fennel 1.1)',
      number('--balance', positive),
    )
    .option('--objective <name>', 'multilevel, metis: cut or vol', choice('--objective', ['cut', 'vol']), 'cut')
    .option('--cluster <shape>', 'instead of --parts: servers × devices, split over servers first')
    .option('--out <file>', 'write the part of each vertex, one number a line (METIS convention)')
    .option(
      '--vertices <n>',
      'grem: vertices of an edge file (default: largest id + 1)',
      integer('--vertices', positive),
    )
    .option('--memory <size>', 'grem: budget for state and chunks, such as 200MB (default: by the chunk rule)')
    .option(
      '--chunk-edges <n>',
      'grem: edges of a chunk (default: max of 2.5 n and m / 16)',
      integer('--chunk-edges', positive),
    )
    .option('--decay <x>', 'grem: what a score keeps, 0 to 1 (default 0.9)', number('--decay', { min: 0, max: 1 }))
    .option('--recursive', 'grem: bisect through temporary files, in less memory')
    .option('--layout <folder>', 'grem: write the edges, renamed and in buckets by part of source and destination')
    .option('--tmp <folder>', 'grem: where temporary files go');
  addSeedFlag(addCommonFlags(command)).action(
    action<Flags>(
      'graph partition',
      async (flags, context) => {
        const { partitionMethods, writePartitionFile } = await import('@strata-ml/graph');
        const { method: name, parts, cluster: shape, out } = flags;
        const method: PartitionMethod | undefined = partitionMethods.find((known) => known === name);
        if (!method) throw new OptionError('--method', 'value', name, `one of ${partitionMethods.join(', ')}`);
        if ((parts === undefined) === (shape === undefined)) {
          throw new OptionError('graph partition', '--parts or --cluster', 'neither or both', 'given, one of the two');
        }
        if (out !== undefined) await checkWritableFile('--out', out);
        const devicesPerServer =
          shape === undefined
            ? [parts ?? 1]
            : (await placeOf({ cluster: shape }, context.rank)).cluster.devicesPerServer;
        const isStreamed =
          shape === undefined && (method === 'grem' || method === 'frozen') && (await isEdgeFile(flags.data));
        const { partOf, title, ...metrics } = isStreamed
          ? await stream(flags, method, context)
          : await inMemory(flags, method, devicesPerServer, context);
        if (out !== undefined) await writePartitionFile(out, partOf);

        const { output } = context;
        output.print(`${title}\n`);
        const peakRssBytes = process.resourceUsage().maxRSS * 1024;
        output.print(
          factTable([
            ['edges cut', count(metrics.edgeCut), percent(metrics.cutRatio)],
            ['communication volume', count(metrics.communicationVolume), 'rows sent in one exchange'],
            ['largest part', `${figure(metrics.balance)} × the mean`],
            ['time', seconds(metrics.seconds), 'measured'],
            ['peak memory', formatBytes(peakRssBytes), 'resident, of the whole process'],
            ...(out === undefined ? [] : [['written', out] as const]),
          ]),
        );
        return { config: { ...flags, devicesPerServer, streamed: isStreamed }, metrics: { ...metrics, peakRssBytes } };
      },
      { isInterruptible: true },
    ),
  );
}

/** True for a file of edges, text or binary; data sets by name and other formats are read whole. */
async function isEdgeFile(path: string): Promise<boolean> {
  const { detectGraphFormat } = await import('@strata-ml/graph');
  if (!existsSync(path) || !statSync(path).isFile()) return false;
  return ['edge-list', 'binary'].includes(await detectGraphFormat(path));
}

async function stream(flags: Flags, method: PartitionMethod, { output, signal }: CommandContext): Promise<Outcome> {
  const { grem, writePartitionLayout } = await import('@strata-ml/graph');
  const { data, parts = 1, passes, balance, seed, vertices, memory, chunkEdges, decay, recursive, tmp, layout } = flags;
  const started = performance.now();
  const progress = output.progress('percent', 100, 5);
  let shown = -1;
  try {
    const result = await grem(data, {
      parts,
      seed,
      signal,
      frozen: method === 'frozen',
      mode: recursive ? 'recursive' : 'direct',
      ...(passes === undefined ? {} : { passes }),
      ...(balance === undefined ? {} : { balance }),
      ...(vertices === undefined ? {} : { numVertices: vertices }),
      ...(memory === undefined ? {} : { memoryBytes: parseBytes(memory, '--memory') }),
      ...(chunkEdges === undefined ? {} : { chunkEdges }),
      ...(decay === undefined ? {} : { decay }),
      ...(tmp === undefined ? {} : { tmpDir: tmp }),
      onWarning: (text) => output.note(text),
      onProgress: ({ phase, edges, totalEdges, edgesPerS, moves, cutEstimate, rssBytes }) => {
        const share = totalEdges === 0 ? 0 : Math.min(100, Math.floor((100 * edges) / totalEdges));
        if (share === shown && phase === 'stream') return;
        shown = share;
        const cut = Number.isNaN(cutEstimate) ? '–' : percent(cutEstimate);
        progress.update(
          share,
          `${phase} · ${count(edges)} edges · ${count(Math.round(edgesPerS))} edges/s · ${count(moves)} moves · cut about ${cut} · ${formatBytes(rssBytes)}`,
        );
      },
    });
    if (layout !== undefined) await writePartitionLayout(layout, data, result.partOf, parts, { signal });
    const { partOf, cut, cutRatio, communicationVolume, balance: measured, ...further } = result;
    return {
      ...further,
      partOf,
      title: `${data}: ${count(result.numVertices)} vertices · ${count(result.edges)} edges, streamed in chunks of ${count(result.chunkEdges)}`,
      seconds: (performance.now() - started) / 1000,
      edgeCut: cut,
      cutRatio,
      communicationVolume,
      balance: measured,
    };
  } finally {
    progress.stop();
  }
}

async function inMemory(
  flags: Flags,
  method: PartitionMethod,
  devicesPerServer: readonly number[],
  { output, signal }: CommandContext,
): Promise<Outcome> {
  const { partitionMetrics } = await import('@strata-ml/graph');
  const { loadNodeDataset } = await import('@strata-ml/datasets');
  const { data, seed, balance, objective, decay, chunkEdges } = flags;
  const passes = flags.passes ?? (method === 'ldg' || method === 'fennel' ? 10 : 1);
  const { graph, name } = await loadNodeDataset(data, { signal });
  const options = {
    method,
    seed,
    passes,
    objective,
    ...(balance === undefined ? {} : { balance }),
    ...(decay === undefined ? {} : { decay }),
    ...(chunkEdges === undefined ? {} : { chunkEdges }),
  };
  const started = performance.now();
  const progress = output.progress('percent', 100, 10);
  let shown = 0;
  const onProgress = (share: number): void => {
    const whole = Math.floor(100 * share);
    if (whole === shown) return;
    shown = whole;
    progress.update(whole, method);
  };
  try {
    const partOf = await partitionInMemory({ graph, devicesPerServer, options }, signal, onProgress);
    const took = (performance.now() - started) / 1000;
    return {
      ...partitionMetrics(graph, partOf, { devicesPerServer }),
      partOf,
      title: `${name}: ${count(graph.numVertices)} vertices · ${count(graph.indices.length)} directed edges`,
      seconds: took,
    };
  } finally {
    progress.stop();
  }
}
