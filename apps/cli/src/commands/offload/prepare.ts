/** `strata offload prepare DIR`. */
import { type EngineName, formatBytes, OptionError, parseBytes } from '@strata-ml/core';
import type { GraphStore, PartitionChoice, PrepareProgress } from '@strata-ml/storage-offload';
import type { Command } from 'commander';
import { action, type CommandContext } from '../../action.js';
import { addCommonFlags, addEngineFlag, addSeedFlag, type CommonFlags, integer } from '../../options.js';
import { seconds } from '../../output/format.js';
import { partitionSource } from '../../partition.js';
import { addModelFlags, type ModelFlags, modelOptions } from '../gnn/trainFlags.js';
import { addSourceFlags, graphSource, type NamedSource, type SourceFlags } from './graphSource.js';
import { storeTable } from './storeTable.js';

interface Flags extends CommonFlags, ModelFlags, SourceFlags {
  readonly data: string;
  readonly parts: number | 'auto';
  readonly partition: string;
  readonly hostMemory?: number;
  readonly deviceMemory?: number;
  readonly replace?: boolean;
  readonly engine: EngineName | 'auto';
}

/** How many partitions, and how they are cut. */
interface Cut {
  readonly parts: number;
  readonly partition: Int32Array | PartitionChoice;
}

/** Adds `prepare`. */
export function prepareCommand(area: Command): void {
  const command = area
    .command('prepare <dir>')
    .description('cut a graph into partitions and write it so that it can be trained from the drive')
    .requiredOption('--data <name>', 'data set, graph file, or a binary edge file of any size (.i32, .bin, .edges)')
    .option(
      '--parts <n>',
      'partitions, or auto: the fewest that fit both budgets',
      (text: string) => (text === 'auto' ? text : integer('--parts', { min: 1, max: 65_536 })(text)),
      'auto',
    )
    .option('--partition <how>', 'auto, a method of `strata graph partition`, or a file', 'auto')
    .option('--host-memory <size>', 'budget for preparing, and with --parts auto for training', size('--host-memory'))
    .option('--device-memory <size>', 'with --parts auto: the device’s budget', size('--device-memory'))
    .option('--replace', 'replace another prepared graph in the folder');
  addSeedFlag(addEngineFlag(addModelFlags(addSourceFlags(addCommonFlags(command))))).action(
    action<Flags>(
      'offload prepare',
      async (flags, context, [folder = '']) => {
        const { prepareGraph } = await import('@strata-ml/storage-offload');
        const source = await graphSource(flags.data, flags, context.output, context.signal);
        const weights = flags.model === 'gcn' ? 'gcn' : 'none';
        const cut = await cutOf(source, flags, weights, context);
        const show = progressOf(context);
        const started = performance.now();
        let store: GraphStore;
        try {
          store = await prepareGraph(source, {
            folder,
            weights,
            ...cut,
            signal: context.signal,
            onProgress: show.update,
            replace: flags.replace ?? false,
            ...(flags.hostMemory === undefined ? {} : { hostMemory: flags.hostMemory }),
          });
        } finally {
          show.stop();
        }
        await store.close();
        const took = (performance.now() - started) / 1000;
        context.output.print(`\n${storeTable(store.meta, folder)}`);
        context.output.print(
          `\n${folder}: ready after ${seconds(took)}; \`strata offload plan ${folder}\` says what fits`,
        );
        return {
          config: { folder, ...flags, parts: cut.parts, weights },
          metrics: { ...store.meta, seconds: took, peakRssBytes: process.resourceUsage().maxRSS * 1024 },
        };
      },
      { isInterruptible: true },
    ),
  );
}

const size = (flag: string) => (text: string) => parseBytes(text, flag);

async function cutOf(
  source: NamedSource,
  flags: Flags,
  weights: 'gcn' | 'none',
  context: CommandContext,
): Promise<Cut> {
  const { parts, partition: how, seed } = flags;
  if (parts === 'auto') return autoCut(source, flags, weights, context);
  if (how === 'auto') return { parts, partition: { method: 'auto', seed } };
  const found = await (await partitionSource(how))(verticesOf(source), parts);
  return { parts, partition: found instanceof Int32Array ? found : { method: found, seed } };
}

function verticesOf({ graph }: NamedSource): number {
  return 'path' in graph ? (graph.vertices ?? 0) : graph.numVertices;
}

async function autoCut(
  { inMemory, features, classes = 0 }: NamedSource,
  flags: Flags,
  weights: 'gcn' | 'none',
  { output }: CommandContext,
): Promise<Cut> {
  if (!inMemory) {
    throw new OptionError('--parts', 'value', 'auto', 'a number for an edge file that is streamed', 'try --parts 16');
  }
  const { initEngine } = await import('@strata-ml/core');
  const { chooseParts } = await import('@strata-ml/storage-offload');
  await initEngine({ prefer: flags.engine });
  const method = flags.partition === 'auto' ? 'switching' : await knownMethod(flags.partition);
  const { parts, plan } = await chooseParts(inMemory, {
    model: modelOptions(flags),
    featureWidth: features.columns,
    classes,
    weights,
    partitionSeed: flags.seed,
    method,
    ...(flags.hostMemory === undefined ? {} : { hostMemory: flags.hostMemory }),
    ...(flags.deviceMemory === undefined ? {} : { deviceMemory: flags.deviceMemory }),
  });
  output.print(`${parts} parts: a step takes about ${formatBytes(plan.device.bytes)} of the device`);
  return { parts, partition: { method, seed: flags.seed } };
}

async function knownMethod(how: string) {
  const found = await (await partitionSource(how))(0, 1).catch(() => undefined);
  if (typeof found === 'string') return found;
  throw new OptionError('--partition', 'value', how, 'a method with --parts auto', 'say how many parts the file has');
}

function progressOf({ output }: CommandContext) {
  const progress = output.progress('percent', 100, 20);
  // The share of the whole that each phase takes, roughly: the bar shall move, not promise.
  const begins = { partition: 0, sort: 20, rows: 40, topology: 60, features: 80 };
  let shown = -1;
  return {
    update: ({ phase, done, total }: PrepareProgress) => {
      const share = Math.min(100, begins[phase] + Math.floor((20 * done) / total));
      if (share === shown) return;
      shown = share;
      progress.update(share, phase);
    },
    stop: () => progress.stop(),
  };
}
