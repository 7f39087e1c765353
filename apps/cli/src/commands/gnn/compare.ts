/** `strata gnn compare`. */
import { describeCluster, worldSizeOf } from '@strata-ml/core';
import type { CompareReport, TrainMode } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { addDataFlags, loadTrainingData } from '../../data.js';
import { integer } from '../../options.js';
import { checkWritableFile } from '../../output/Output.js';
import { columnTable } from '../../output/table.js';
import { partitionSource } from '../../partition.js';
import { compareRows } from './compareRows.js';
import { CompareView } from './compareView.js';
import { addModeOptionFlags, given } from './modeFlags.js';
import { addRunFlags, type RunFlags, runOptions } from './trainFlags.js';

interface Flags extends RunFlags {
  readonly modes: readonly TrainMode[];
  readonly rounds: number;
  readonly roundEpochs?: number;
  readonly report?: string;
}

/** Adds `compare`. */
export function compareCommand(area: Command): void {
  const command = addDataFlags(
    area.command('compare').description('train with several modes on the same data, interleaved, side by side'),
  )
    .requiredOption(
      '--modes <list>',
      'as --mode of gnn train, with commas between; the first is the reference',
      readModes,
    )
    .option(
      '--rounds <n>',
      'how often each mode runs, every second time in the opposite order',
      integer('--rounds', { min: 1 }),
      2,
    )
    .option(
      '--round-epochs <n>',
      'epochs of runs after the first round, which only add timings (default: 15)',
      integer('--round-epochs', { min: 1 }),
    )
    .option('--report <file>', 'write one self-contained HTML page with charts');
  addRunFlags(addModeOptionFlags(command)).action(
    action<Flags>(
      'gnn compare',
      async (flags, { output, signal, rank }) => {
        const place = await placeOf(flags, rank);
        const options = runOptions(flags);
        const partitionOf = await partitionSource(flags.partition);
        if (flags.report !== undefined && rank.isRoot) await checkWritableFile('--report', flags.report);
        const data = await loadTrainingData(flags, output);
        const partition = await partitionOf(data.graph.numVertices, worldSizeOf(place.cluster));
        const { modes, rounds } = flags;
        output.print(describeCluster(place.cluster));

        const { compareModes } = await import('@strata-ml/gnn-dist');
        const view = new CompareView(output, flags.logEvery);
        const report = await compareModes(data, {
          ...options,
          ...place,
          ...given({ roundEpochs: flags.roundEpochs }),
          modes,
          rounds,
          partition,
          trace: flags.report !== undefined,
          signal,
          onEvent: (event) => view.show(event),
        }).finally(() => view.stop());

        const links = linkKind(place);
        const config = { ...flags, ...options, cluster: place.cluster, transport: place.transport };
        if (report.isRoot) {
          output.print(`\n${table(report, links)}`);
          output.print(note(report));
        }
        if (flags.report !== undefined && report.isRoot && report.modes.length > 0) {
          const { writeComparePage } = await import('./compareReport/page.js');
          await writeComparePage(flags.report, { report, graph: data.graph, name: data.name, place, links, config });
          output.print(`report: ${flags.report}`);
        }
        return {
          config,
          metrics: {
            modes: report.modes.map(({ mode, metrics, timeline: _, trace: __, ...rest }) => ({
              mode,
              ...metrics,
              ...rest,
            })),
          },
          timeline: { modes: report.modes.map(({ mode, timeline }) => ({ mode, ...timeline })) },
          labels: { links },
          environment: report.environment,
          status: report.status,
        };
      },
      { isInterruptible: true },
    ),
  );
}

function table(report: CompareReport, links: Parameters<typeof compareRows>[1]): string {
  return columnTable(['', ...report.modes.map(({ mode }) => mode)], compareRows(report, links), [
    'left',
    ...report.modes.map(() => 'right' as const),
  ]);
}

function note({ modes }: CompareReport): string {
  if (modes.length === 0) return 'No epoch was done.';
  // Fewer than asked for if the comparison was stopped.
  const rounds = Math.max(...modes.map(({ runs }) => runs.length));
  const runs = rounds === 1 ? 'one run each' : `${rounds} interleaved runs each`;
  return `\nTimes measured on rank 0, medians of epochs over ${runs}; bytes counted, summed over ranks.`;
}

// The library knows the names, and refuses others.
function readModes(text: string): readonly TrainMode[] {
  return text.split(',').map((name) => name.trim() as TrainMode);
}
