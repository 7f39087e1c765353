/** `strata gnn train --mode disaggregated` and `aggregated`. */
import { formatBytes } from '@strata-ml/core';
import type { DisaggregatedEvent, DisaggregatedReport, GraphData, Layout } from '@strata-ml/gnn-dist';
import pc from 'picocolors';
import { linkKind, type RunPlace } from '../../cluster.js';
import { UsageError } from '../../errors.js';
import type { CommandResult } from '../../output/envelope.js';
import { count, percent, seconds } from '../../output/format.js';
import type { Output } from '../../output/Output.js';
import { columnTable, factTable } from '../../output/table.js';
import type { PartitionSource } from '../../partition.js';
import { pipelineOptions } from './pipelineFlags.js';
import type { TrainFlags } from './trainFlags.js';
import { TrainView } from './trainView.js';

/** What a run is made from. */
export interface PipelineRun {
  readonly flags: TrainFlags;
  readonly layout: Layout;
  readonly data: GraphData;
  readonly place: RunPlace;
  readonly partitionOf: PartitionSource;
  readonly output: Output;
  readonly signal: AbortSignal;
}

/** Trains and prints where the time of the workers went. */
export async function trainPipeline(run: PipelineRun): Promise<CommandResult> {
  const { flags, layout, data, place, partitionOf, output, signal } = run;
  if (place.transport !== 'threads') {
    throw new UsageError(`--mode ${layout} runs on threads`, 'leave --transport and the MPI launcher out');
  }
  const options = pipelineOptions(flags, layout);
  const { trainDisaggregated } = await import('@strata-ml/gnn-dist');
  const view = new TrainView(output, flags.logEvery);
  const makers = layout === 'disaggregated' ? (options.batchWorkers ?? 1) : undefined;
  const report = await trainDisaggregated(data, {
    ...options,
    ...(flags.cluster === undefined ? {} : { cluster: place.cluster }),
    ...(makers === undefined ? {} : { partition: await partitionOf(data.graph.numVertices, makers) }),
    signal,
    onEvent: (event) => show(event, view, output),
  }).finally(() => view.stop());
  output.print(`\n${pipelineTable(report)}`);
  return {
    config: { ...flags, ...options, model: report.spec },
    metrics: { ...report.metrics, stats: report.stats, losses: report.losses },
    timeline: report.timeline,
    labels: { links: flags.cluster === undefined ? 'measured' : linkKind(place) },
    environment: report.environment,
    status: report.status === 'aborted' ? 'aborted' : 'ok',
  };
}

function show(event: DisaggregatedEvent, view: TrainView, output: Output): void {
  if (event.type !== 'worker-lost') {
    view.show(event);
    return;
  }
  const what = event.requeued ? 'others prepare' : 'lost are';
  output.note(
    `batch worker ${event.worker} was lost in epoch ${event.epoch} (${event.reason}): ${what} its ` +
      `${count(event.batches.length)} batches with ${count(event.seeds)} training vertices`,
  );
}

function pipelineTable({ metrics: m, stats, timeline }: DisaggregatedReport): string {
  const { min, max, count: timed } = m.epochSeconds;
  const facts = factTable([
    ['test accuracy', pc.bold(percent(m.testAccuracy)), `at epoch ${m.bestEpoch}, the best on validation vertices`],
    [
      'validation',
      percent(m.valAccuracy),
      `after the last of ${count(timeline.epochs.length)} epochs ${percent(m.finalValAccuracy)}`,
    ],
    ['epoch', seconds(m.epochSeconds.median), `median of ${timed}, ${seconds(min)} to ${seconds(max)}, measured`],
    ['batches', `${count(m.batchesPerEpoch)} / epoch`, `${formatBytes(m.batchBytesPerEpoch)} of messages`],
    ['compute idle', pc.bold(percent(m.computeIdleShare)), 'share of an epoch that compute workers waited for a batch'],
    [
      'batch workers needed',
      count(m.balance.batchWorkersNeeded),
      `a batch takes ${seconds(m.balance.prepareSeconds)} to prepare, ${seconds(m.balance.computeSeconds)} to train`,
    ],
  ]);
  const prepare = stats.batchWorkers.map((w, i) => [
    `batch ${i}`,
    bar([w.sample + w.slice, w.blocked, w.idle]),
    `draws ${percent(w.sample)} · gathers ${percent(w.slice)} · queue full ${percent(w.blocked)} · idle ${percent(w.idle)}`,
  ]);
  const compute = stats.computeWorkers.map((w, i) => [
    `compute ${i}`,
    bar([w.compute + w.prepare, w.sync, w.receive]),
    `${w.prepare > 0 ? `prepares ${percent(w.prepare)} · ` : ''}computes ${percent(w.compute)} · ` +
      `synchronises ${percent(w.sync)} · waits ${percent(w.receive)}`,
  ]);
  return `${facts}\n\n${columnTable(['worker', 'works █  waits for others ▒  idle ·', ''], [...prepare, ...compute])}`;
}

const BAR = 30;

/** Occupancy as a bar: shares of `█`, `▒` and `·`. */
function bar([busy = 0, held = 0]: readonly number[]): string {
  const solid = Math.round(BAR * Math.min(1, busy));
  const shaded = Math.min(BAR - solid, Math.round(BAR * held));
  return '█'.repeat(solid) + '▒'.repeat(shaded) + '·'.repeat(BAR - solid - shaded);
}
