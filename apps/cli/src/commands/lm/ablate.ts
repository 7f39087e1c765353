/** `strata lm ablate`. */
import { describeCluster, formatBytes, OptionError } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { linkKind, placeOf } from '../../cluster.js';
import { seconds } from '../../output/format.js';
import { columnTable } from '../../output/table.js';
import { addTrainFlags, type TrainFlags, tokenizerOf, trainOptions } from './trainFlags.js';

interface Flags extends TrainFlags {
  readonly seeds: readonly number[];
  readonly modes?: readonly string[];
  readonly backwardCodec: string;
  readonly gradientCodec: string;
  readonly sparseCodec: string;
}

const PHASES = ['pipeline-forward', 'pipeline-backward', 'gradient', 'embedding'] as const;

/** One mode, over all seeds. */
interface AblationRow {
  readonly mode: string;
  readonly valLoss: readonly number[];
  readonly trainLoss: readonly number[];
  readonly stepSeconds: readonly number[];
  /** Bytes of one step, by phase. */
  readonly bytes: Readonly<Record<string, number>>;
  /** Mean seconds by part over ranks, of the first seed. */
  readonly parts: Readonly<Record<string, number>>;
}

/** Adds `ablate`. */
export function ablateCommand(area: Command): void {
  const command = area
    .command('ablate')
    .description('train with every part of Optimus-CC switched on and off, and compare time, bytes and loss')
    .option('--seeds <list>', 'one run of every mode for each', seedsOf, [1])
    .option('--modes <list>', 'names of rows, with commas between (default: all)', (text: string) => text.split(','))
    .option('--backward-codec <name>', 'of gradients between stages', 'powersgd:16')
    .option('--gradient-codec <name>', 'of gradients between replicas', 'powersgd:32')
    .option('--sparse-codec <name>', 'of the row with Top-K', 'top-k:0.01');
  addTrainFlags(command).action(
    action<Flags>(
      'lm ablate',
      async (flags, { output, signal, rank }) => {
        const place = await placeOf({ cluster: `1x${flags.dp * flags.pp * flags.tp}`, ...flags }, rank);
        const options = trainOptions(flags);
        const { optimusBaselines, resolveCompression, trainLanguageModel } = await import('@strata-ml/comm-compress');
        const { loadTextDataset } = await import('@strata-ml/datasets');
        const { backwardCodec: backward, gradientCodec: gradients, sparseCodec: sparse } = flags;
        const all = optimusBaselines(flags.pp, { backward, gradients, sparse });
        const modes = flags.modes?.map((name) => name.trim()) ?? Object.keys(all);
        const unknown = modes.find((name) => !Object.hasOwn(all, name));
        if (unknown !== undefined) {
          throw new OptionError('--modes', 'name', unknown, `one of ${Object.keys(all).join(', ')}`);
        }
        const { tokenizer, train, validation } = await loadTextDataset(flags.data, { tokenizer: tokenizerOf(flags) });
        const data = { train, validation, vocabulary: tokenizer.vocabularySize };
        output.print(describeCluster(place.cluster));
        const rows: AblationRow[] = [];
        for (const mode of modes) {
          const { hooks, embeddingSync } = resolveCompression(all[mode]!, { pp: flags.pp });
          const reports = [];
          for (const seed of flags.seeds) {
            const report = await trainLanguageModel(data, { ...options, ...place, seed, hooks, embeddingSync, signal });
            const { valLoss, stepSeconds } = report.metrics;
            output.note(`${mode}, seed ${seed}: loss ${valLoss.toFixed(4)}, step ${seconds(stepSeconds.median)}`);
            reports.push(report.metrics);
          }
          rows.push(rowOf(mode, reports));
        }
        output.print(`\n${ablationTable(rows)}`);
        output.print(`\nlinks: ${linkKind(place)}; ${flags.dp * flags.pp * flags.tp} ranks, ${flags.steps} steps`);
        return {
          config: { ...flags, ...options, cluster: place.cluster },
          metrics: { modes: rows },
          labels: { compute: 'measured', links: linkKind(place) },
        };
      },
      { isInterruptible: true },
    ),
  );
}

type Metrics = Awaited<ReturnType<typeof import('@strata-ml/comm-compress').trainLanguageModel>>['metrics'];

function rowOf(mode: string, reports: readonly Metrics[]): AblationRow {
  const { traffic, parts } = reports[0]!;
  const bytesOf = (phase: string) => traffic.filter((r) => r.phase === phase).reduce((sum, r) => sum + r.bytes, 0);
  const names = Object.keys(parts[0]!) as (keyof (typeof parts)[number])[];
  return {
    mode,
    valLoss: reports.map((r) => r.valLoss),
    trainLoss: reports.map((r) => r.trainLoss),
    stepSeconds: reports.map((r) => r.stepSeconds.median),
    bytes: Object.fromEntries(PHASES.map((phase) => [phase, bytesOf(phase)])),
    parts: Object.fromEntries(names.map((name) => [name, parts.reduce((sum, p) => sum + p[name] / parts.length, 0)])),
  };
}

function ablationTable(rows: readonly AblationRow[]): string {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const spread = (values: readonly number[]) => {
    const m = mean(values);
    return Math.sqrt(values.reduce((sum, v) => sum + (v - m) ** 2, 0) / Math.max(1, values.length - 1));
  };
  const base = rows[0]!;
  return columnTable(
    ['mode', 'loss', '±', 'vs first', 'step', 'speed', ...PHASES, 'pipeline wait', 'gradients', 'embedding'],
    rows.map((r) => [
      r.mode,
      mean(r.valLoss).toFixed(4),
      r.valLoss.length > 1 ? spread(r.valLoss).toFixed(4) : '–',
      `${(100 * (mean(r.valLoss) / mean(base.valLoss) - 1)).toFixed(2)} %`,
      seconds(mean(r.stepSeconds)),
      `${(mean(base.stepSeconds) / mean(r.stepSeconds)).toFixed(2)} ×`,
      ...PHASES.map((phase) => formatBytes(r.bytes[phase] ?? 0)),
      seconds(r.parts.pipeline ?? 0),
      seconds(r.parts.gradient ?? 0),
      seconds(r.parts.embedding ?? 0),
    ]),
    ['left', ...new Array<'right'>(12).fill('right')],
  );
}

function seedsOf(text: string): number[] {
  return text.split(',').map((part) => {
    const seed = Number(part);
    if (part.trim() === '' || !Number.isSafeInteger(seed) || seed < 0) {
      throw new OptionError('--seeds', 'value', part, 'whole numbers ≥ 0 with commas between');
    }
    return seed;
  });
}
