/** `strata gnn train --offload DIR`: full-graph training from a drive. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { atomicWrite, formatBytes, initEngine, OptionError, parseBytes } from '@strata-ml/core';
import type { GraphStore, OffloadMode, OpenStoreOptions } from '@strata-ml/storage-offload';
import type { CommandContext } from '../../action.js';
import type { CommandResult } from '../../output/envelope.js';
import { count, figure } from '../../output/format.js';
import { checkWritableFile, type Output } from '../../output/Output.js';
import { graphSource } from '../offload/graphSource.js';
import { given } from './modeFlags.js';
import { modelOptions, type TrainFlags } from './trainFlags.js';
import { offloadTable } from './trainOffloadTable.js';
import { OffloadView } from './trainOffloadView.js';

/** Runs the command; flags of clusters and of other modes have no meaning here and are refused. */
export async function trainOffloaded(
  flags: TrainFlags,
  { output, signal, rank }: CommandContext,
): Promise<CommandResult> {
  const { cachePolicy, order, lookahead, fusedHead, seed, engine: prefer } = flags;
  if (rank.isMpi || flags.cluster !== undefined) {
    throw new OptionError(
      'gnn train',
      '--cluster',
      flags.cluster,
      'left out with --offload, which trains on one device',
    );
  }
  const { trainOffload, offloadModes } = await import('@strata-ml/storage-offload');
  const name: string = flags.mode === 'full-graph' ? 'regather' : flags.mode;
  const mode = offloadModes.find((known) => known === name);
  if (!mode) throw new OptionError('gnn train', '--mode', name, `one of ${offloadModes.join(', ')} with --offload`);
  if (flags.trace !== undefined) await checkWritableFile('--trace', flags.trace);
  const hostMemory = flags.hostMemory ?? 2 ** 30;
  const deviceMemory = flags.deviceMemory === undefined ? undefined : parseBytes(flags.deviceMemory, '--device-memory');
  const engine = await initEngine({ prefer, threads: availableParallelism(), ...given({ memoryBytes: deviceMemory }) });
  const store = await openStore(flags, { output, signal }, { mode, hostMemory, deviceMemory });
  const view = new OffloadView(output, flags.logEvery);
  try {
    describeStore(store, output);
    const report = await trainOffload(store, {
      engine,
      mode,
      hostMemory,
      model: modelOptions(flags),
      optimizer: { optimizer: flags.optimizer, lr: flags.lr, weightDecay: flags.weightDecay },
      epochs: flags.epochs,
      seed,
      fusedHead,
      checkpointEvery: flags.checkpointEvery,
      resume: flags.resume ?? false,
      signal,
      traces: flags.trace !== undefined,
      onEvent: (event) => view.show(event),
      ...given({ cachePolicy, order, lookahead, evalEvery: flags.evalEvery, checkpointDir: flags.checkpoint }),
    }).finally(() => view.stop());
    if (flags.trace !== undefined && report.trace) await atomicWrite(flags.trace, JSON.stringify(report.trace));
    output.print(`\n${offloadTable(report, { store, trace: flags.trace, hostMemory, deviceMemory })}`);
    return {
      config: { ...flags, mode, hostMemory, model: report.spec },
      metrics: report.metrics,
      timeline: report.timeline,
      labels: { storage: store.device.isEmulated ? 'emulated' : 'measured' },
      environment: { engine: engine.name, kernels: engine.kernels },
      status: report.status,
    };
  } finally {
    await store.close();
  }
}

interface Budgets {
  readonly mode: OffloadMode;
  readonly hostMemory: number;
  readonly deviceMemory: number | undefined;
}

/** The prepared graph of the folder; prepares `--data` there first if the folder holds none. */
async function openStore(
  flags: TrainFlags,
  { output, signal }: Pick<CommandContext, 'output' | 'signal'>,
  { mode, hostMemory, deviceMemory }: Budgets,
): Promise<GraphStore> {
  const { chooseParts, openGraphStore, prepareGraph } = await import('@strata-ml/storage-offload');
  const { offload: folder = '', storageBandwidth, parts: wanted, seed } = flags;
  const options = given({ mode: flags.io, bandwidth: storageBandwidth }) satisfies OpenStoreOptions;
  if (!existsSync(join(folder, 'meta.json'))) {
    if (flags.data === undefined) {
      const remedy = 'give --data to prepare one there, or prepare it with `strata offload prepare`';
      throw new OptionError('gnn train', '--offload', folder, 'a folder with a prepared graph', remedy);
    }
    const source = await graphSource(flags.data, { ...flags, seed }, output, signal);
    const weights = flags.model === 'gcn' ? 'gcn' : 'none';
    let cut: { readonly parts: number; readonly partition?: Int32Array } | undefined = wanted
      ? { parts: wanted }
      : undefined;
    if (!cut) {
      if (!source.inMemory) throw new OptionError('--parts', 'value', undefined, 'a number for an edge file');
      const chosen = await chooseParts(source.inMemory, {
        model: modelOptions(flags),
        mode,
        hostMemory,
        featureWidth: source.features.columns,
        classes: source.classes ?? 0,
        weights,
        partitionSeed: seed,
        ...given({ deviceMemory }),
      });
      cut = { parts: chosen.parts, partition: chosen.partOf };
    }
    const store = await prepareGraph(source, { folder, weights, signal, ...cut });
    await store.close();
  }
  return openGraphStore(folder, options);
}

function describeStore({ meta, device, folder }: GraphStore, output: Output): void {
  output.print(
    `${folder}: ${count(meta.vertices)} vertices · ${count(meta.edges)} edges with self-loops · ${meta.parts} parts · ` +
      `α ${figure(meta.partitioner.alpha)} · ρ ${figure(meta.partitioner.rho)} · ${formatBytes(4 * meta.vertices * meta.featureWidth)} of features`,
  );
  if (device.mode === 'buffered') {
    output.note(`buffered I/O: ${device.reason ?? 'as asked'}; reads may come from memory, not from the drive`);
  }
}
