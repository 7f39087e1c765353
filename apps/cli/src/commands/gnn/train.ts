/** `strata gnn train`. */
import { describeCluster, worldSizeOf, writeChromeTrace } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { addDataFlags, loadTrainingData } from '../../data.js';
import { checkWritableFile } from '../../output/Output.js';
import { partitionSource } from '../../partition.js';
import { isPipeline } from './pipelineFlags.js';
import { addTrainFlags, type TrainFlags, trainOptions } from './trainFlags.js';
import { trainOffloaded } from './trainOffload.js';
import { trainPipeline } from './trainPipeline.js';
import { trainingTable } from './trainTable.js';
import { TrainView } from './trainView.js';

/** Adds `train`. */
export function trainCommand(area: Command): void {
  addTrainFlags(
    addDataFlags(area.command('train').description('train on every vertex of a graph, over a cluster of devices')),
  ).action(
    action<TrainFlags>(
      'gnn train',
      async (flags, context) => {
        if (flags.offload !== undefined) return trainOffloaded(flags, context);
        const { output, signal, rank } = context;
        const place = await placeOf(flags, rank);
        const partitionOf = await partitionSource(flags.partition);
        if (flags.trace !== undefined && rank.isRoot) await checkWritableFile('--trace', flags.trace);
        const data = await loadTrainingData(flags, output);
        if (isPipeline(flags.mode)) {
          return trainPipeline({ flags, layout: flags.mode, data, place, partitionOf, output, signal });
        }
        const options = trainOptions(flags);
        const partition = await partitionOf(data.graph.numVertices, worldSizeOf(place.cluster));
        output.print(describeCluster(place.cluster));

        const { trainGnn } = await import('@strata-ml/gnn-dist');
        const view = new TrainView(output, flags.logEvery);
        const report = await trainGnn(data, {
          ...options,
          ...place,
          partition,
          signal,
          onEvent: (event) => view.show(event),
        }).finally(() => view.stop());

        if (flags.trace !== undefined && report.trace && report.isRoot)
          await writeChromeTrace(flags.trace, report.trace);
        if (report.isRoot) output.print(`\n${trainingTable(report, { trace: flags.trace, links: linkKind(place) })}`);
        return {
          config: { ...flags, ...options, cluster: place.cluster, transport: place.transport, model: report.spec },
          metrics: report.metrics,
          timeline: report.timeline,
          labels: { links: linkKind(place) },
          environment: report.environment,
          status: report.status,
        };
      },
      { isInterruptible: true },
    ),
  );
}
