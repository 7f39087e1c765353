/** `strata gnn brain`. */

import { OptionError } from '@strata-ml/core';
import type { BrainModelName, ModelSummary, PlantedDifference } from '@strata-ml/gnn-dist';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, addEngineFlag, addSeedFlag, type CommonFlags, integer } from '../../options.js';
import { percent } from '../../output/format.js';
import { columnTable } from '../../output/table.js';

interface Flags extends CommonFlags {
  readonly data: string;
  readonly models: string;
  readonly cv: number;
  readonly leaveOneSiteOut?: boolean;
  readonly seeds: number;
  readonly workers: number;
  readonly epochs: number;
  readonly subjects: number;
  readonly fisherZ?: boolean;
  readonly keep: number;
  readonly seed: number;
  readonly engine: 'auto' | 'native' | 'tensorflow' | 'wasm' | 'cpu';
}

const synthetic = 'synthetic:';

/** Adds `brain`. */
export function brainCommand(area: Command): void {
  const command = area
    .command('brain')
    .description('classify subjects by signed connectivity of their brain regions (LUMINA-style), cross-validated')
    .requiredOption(
      '--data <dir>',
      'folder with phenotype.csv and one time series per subject; or synthetic:sign, synthetic:high-frequency, synthetic:low-frequency',
    )
    .option(
      '--models <list>',
      'quad, its ablations sign-only, spectrum-only, gcn, quad-relu, and logistic, mlp',
      'quad',
    )
    .option('--cv <folds>', 'folds, stratified by class and site', integer('--cv', { min: 2 }), 5)
    .option('--leave-one-site-out', 'one fold per site instead')
    .option('--seeds <n>', 'repeats with other folds and weights', integer('--seeds', { min: 1 }), 5)
    .option('--workers <n>', 'threads that share the folds', integer('--workers', { min: 1 }), 2)
    .option('--epochs <n>', 'at most, stopped early on held-out subjects', integer('--epochs', { min: 1 }), 200)
    .option('--subjects <n>', 'of synthetic data', integer('--subjects', { min: 20 }), 200)
    .option('--fisher-z', 'atanh of the correlations')
    .option('--keep <share>', 'strongest share of edges to keep, in (0, 1]', Number, 1);
  addEngineFlag(addSeedFlag(addCommonFlags(command))).action(
    action<Flags>(
      'gnn brain',
      async (flags, { output, signal }) => {
        const { brainModels, crossValidate } = await import('@strata-ml/gnn-dist');
        const models = flags.models.split(',').map((name) => name.trim()) as BrainModelName[];
        for (const model of models) {
          if (!brainModels.includes(model)) {
            throw new OptionError('gnn brain', '--models', model, `of ${brainModels.join(', ')}`);
          }
        }
        const cohort = await load(flags);
        const { regions } = cohort.graphs[0]!;
        output.note(`${cohort.graphs.length} subjects, ${regions} regions`);
        const total = models.length * flags.seeds * flags.cv;
        const progress = output.progress('fold', total, models.length * flags.cv);
        const report = await crossValidate(cohort, {
          models,
          folds: flags.leaveOneSiteOut ? 'leave-one-site-out' : flags.cv,
          seeds: flags.seeds,
          seed: flags.seed,
          workers: flags.workers,
          engine: flags.engine,
          fit: { epochs: flags.epochs },
          signal,
          onFold: (done) => progress.update(done, ''),
        }).finally(() => progress.stop());
        output.print(`\n${summaryTable(report.models)}\n`);
        output.print('Mean ± standard deviation over folds and repeats. LUMINA-style: the network is our own design.');
        return { config: { ...flags, models, regions }, metrics: { models: report.models, folds: report.folds } };
      },
      { isInterruptible: true },
    ),
  );
}

async function load({ data, subjects, seed, fisherZ, keep }: Flags) {
  const { loadCohort, syntheticConnectomes } = await import('@strata-ml/gnn-dist');
  if (data.startsWith(synthetic)) {
    // The generator checks the name.
    return syntheticConnectomes({ difference: data.slice(synthetic.length) as PlantedDifference, subjects, seed });
  }
  return loadCohort(data, { ...(fisherZ ? { fisherZ } : {}), keep });
}

function summaryTable(models: readonly ModelSummary[]): string {
  const share = (mean: number, sd: number) => `${percent(mean)} ± ${percent(sd)}`;
  return columnTable(
    ['model', 'accuracy', 'AUC', 'sensitivity', 'specificity'],
    models.map(({ model, mean, sd }) => [
      model,
      share(mean.accuracy, sd.accuracy),
      `${mean.auc.toFixed(3)} ± ${sd.auc.toFixed(3)}`,
      share(mean.sensitivity, sd.sensitivity),
      share(mean.specificity, sd.specificity),
    ]),
    ['left', 'right', 'right', 'right', 'right'],
  );
}
