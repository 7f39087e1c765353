/** `strata gnn plan`. */
import { describeCluster, formatBytes, worldSizeOf } from '@strata-ml/core';
import type { TrainPlan } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import pc from 'picocolors';
import { action } from '../../action.js';
import { placeOf } from '../../cluster.js';
import { addDataFlags, type DataFlags, loadTrainingData } from '../../data.js';
import {
  addClusterFlags,
  addCommonFlags,
  addSeedFlag,
  type ClusterFlags,
  type CommonFlags,
  choice,
} from '../../options.js';
import { count, seconds } from '../../output/format.js';
import { columnTable } from '../../output/table.js';
import { partitionSource } from '../../partition.js';
import { addSamplingFlags, type ModeFlags, modeOptions } from './modeFlags.js';
import { addModelFlags, type ModelFlags, modelOptions } from './trainFlags.js';

interface Flags extends CommonFlags, ClusterFlags, DataFlags, ModelFlags, Partial<ModeFlags> {
  readonly partition: string;
  readonly haloFeatures: 'every-epoch' | 'once';
  readonly calibrate?: boolean;
}

/** Epochs of the run that `--calibrate` times. */
const CALIBRATION_EPOCHS = 8;

/** Adds `plan`. */
export function planCommand(area: Command): void {
  const command = addDataFlags(
    area.command('plan').description('predict time and memory of every mode, and choose one'),
  );
  addSamplingFlags(addModelFlags(command))
    .option('--partition <how>', 'as in gnn train', 'fennel')
    .option(
      '--halo-features <when>',
      'every-epoch, or once: keep copies of neighbours’ features',
      choice('--halo-features', ['every-epoch', 'once']),
      'every-epoch',
    )
    .option('--calibrate', 'train a few full-graph epochs first and scale predictions of time and memory by them');
  addClusterFlags(addSeedFlag(addCommonFlags(command))).action(
    action<Flags>('gnn plan', async (flags, { output, rank }) => {
      const place = await placeOf(flags, rank);
      const partitionOf = await partitionSource(flags.partition);
      const data = await loadTrainingData(flags, output);
      const partition = await partitionOf(data.graph.numVertices, worldSizeOf(place.cluster));
      const { seed, haloFeatures } = flags;
      const run = { ...modeOptions(flags), model: modelOptions(flags), seed, haloFeatures, partition };
      const options = { ...run, cluster: place.cluster };
      output.print(describeCluster(place.cluster));
      const { planTraining, trainGnn } = await import('@strata-ml/gnn-dist');
      let plan = await planTraining(data, options);
      let calibration: { readonly timeScale: number; readonly memoryScale: number } | undefined;
      if (flags.calibrate) {
        const epochs = CALIBRATION_EPOCHS;
        const { metrics } = await trainGnn(data, { ...options, mode: 'full-graph', epochs, evalEvery: epochs });
        const vanilla = plan.alternatives[0]!;
        calibration = {
          timeScale: metrics.parts.compute / vanilla.parts.compute,
          memoryScale: Math.max(...metrics.peakDeviceBytes) / Math.max(...vanilla.deviceBytes),
        };
        const { timeScale, memoryScale } = calibration;
        plan = await planTraining(data, { ...options, rates: { ...plan.rates, scale: timeScale }, memoryScale });
      }
      output.print(`\n${planTable(plan)}`);
      output.print(`\n${planRemarks(plan)}`);
      return {
        config: { ...flags, cluster: place.cluster },
        metrics: { ...plan, ...(calibration ? { calibration } : {}) },
        labels: { compute: 'simulated', links: 'simulated' },
      };
    }),
  );
}

function planTable({ alternatives, chosen }: TrainPlan): string {
  const rows = alternatives.map((a) => [
    a === chosen ? pc.bold(`→ ${a.name}`) : `  ${a.name}`,
    a.isExact ? 'exact' : 'sampled',
    seconds(a.epochSeconds),
    seconds(a.parts.compute),
    seconds(a.parts.intra),
    seconds(a.parts.inter),
    seconds(a.parts.gradient),
    formatBytes(a.interBytesPerEpoch),
    formatBytes(a.setupInterBytes),
    `${formatBytes(Math.max(...a.deviceBytes))}${a.fits ? '' : ' too much'}`,
  ]);
  const head = [
    '  mode',
    'result',
    'epoch',
    'compute',
    'intra',
    'inter',
    'gradient',
    'inter bytes',
    'set-up bytes',
    'per device',
  ];
  return columnTable(head, rows, ['left', 'left', ...new Array<'right'>(8).fill('right')]);
}

function planRemarks({ chosen, reason, rowsByHops, coarse }: TrainPlan): string {
  const growth = rowsByHops.map((rows, hops) => `${hops}: ${count(rows)}`).join(' · ');
  return [
    `chosen: ${chosen?.name ?? 'none'} (${reason})`,
    `vertices that servers hold by preloaded hops: ${growth}`,
    `compute over link speed C/B = ${coarse.computeOverLink.toPrecision(3)}; preloading pays above about ${coarse.breakEven.toPrecision(3)}`,
    'times and bytes per device are predictions (simulated), bytes between servers are counted',
  ].join('\n');
}
