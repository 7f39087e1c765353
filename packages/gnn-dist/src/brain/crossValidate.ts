/** Cross-validation without leaks: whatever is fitted sees the training part of its fold only. */
import { DataError, type EngineName, launch, OptionError, parseCluster } from '@strata-ml/core';
import { type BrainModelName, brainModels } from './brainModels.js';
import { type BinaryScores, binaryScores, leaveOneSiteOut, stratifiedFolds } from './cohort.js';
import type { FoldTask, FoldTasks } from './crossValidationEntry.js';
import type { FitOptions, LabelledGraphs } from './fitQuadStream.js';
import type { QuadStreamSpec } from './quadStreamSpec.js';

/** Subjects of a study. Labels are 0 or 1. */
export interface Cohort extends LabelledGraphs {
  /** Where each subject was scanned, `[n]`; folds keep sites in proportion. */
  readonly sites?: readonly string[];
}

/** Options of {@link crossValidate}. */
export interface CrossValidationOptions {
  /** @defaultValue `['quad']` */
  readonly models?: readonly BrainModelName[];
  /** A number of folds, or one fold per site. @defaultValue `5` */
  readonly folds?: number | 'leave-one-site-out';
  /** Repeats with other folds and initial weights. @defaultValue `5` */
  readonly seeds?: number;
  /** First seed. @defaultValue `1` */
  readonly seed?: number;
  /** Network options beside the data's shape. */
  readonly spec?: Pick<QuadStreamSpec, 'hidden' | 'dropout' | 'filterPower'>;
  /** Training options. */
  readonly fit?: Pick<FitOptions, 'epochs' | 'batchSize' | 'lr' | 'weightDecay' | 'patience'>;
  /** Worker threads that share the folds. @defaultValue `1` */
  readonly workers?: number;
  /** @defaultValue `'auto'` */
  readonly engine?: EngineName | 'auto';
  /** Called as folds are done. */
  readonly onFold?: (done: number, total: number) => void;
  /** Stops between training steps. */
  readonly signal?: AbortSignal;
}

/** Scores of one model on one fold. */
export interface FoldScores extends BinaryScores {
  readonly model: BrainModelName;
  readonly seed: number;
  readonly fold: number;
  /** Subjects in the test part. */
  readonly subjects: number;
}

/** Mean and sample standard deviation over all folds and seeds of one model. */
export interface ModelSummary {
  readonly model: BrainModelName;
  readonly mean: BinaryScores;
  readonly sd: BinaryScores;
}

/** Result of {@link crossValidate}. */
export interface CrossValidationReport {
  readonly folds: readonly FoldScores[];
  readonly models: readonly ModelSummary[];
}

/**
 * Trains and tests every model on every fold; a quarter of each training part is held out for early stopping, by the
 * same strata. Folds and seeds are dealt over worker threads; results do not depend on their number.
 *
 * @throws {@link OptionError}; {@link DataError} for labels other than 0 and 1; {@link AbortedError}.
 */
export async function crossValidate(
  cohort: Cohort,
  options: CrossValidationOptions = {},
): Promise<CrossValidationReport> {
  const { models = ['quad'], folds = 5, seeds = 5, seed = 1, workers = 1, engine = 'auto', signal, onFold } = options;
  const where = 'crossValidate';
  for (const model of models) {
    if (!brainModels.includes(model)) throw new OptionError(where, 'models', model, `of ${brainModels.join(', ')}`);
  }
  if (!Number.isSafeInteger(seeds) || seeds < 1)
    throw new OptionError(where, 'seeds', seeds, 'an integer of at least 1');
  if (cohort.labels.some((label) => label !== 0 && label !== 1)) {
    throw new DataError(`${where}: labels must be 0 or 1`);
  }
  const { sites } = cohort;
  if (sites && sites.length !== cohort.graphs.length) {
    throw new DataError(`${where}: sites must be one per subject, got ${sites.length} for ${cohort.graphs.length}`);
  }
  if (folds === 'leave-one-site-out' && !sites) throw new DataError(`${where}: leaving sites out needs sites`);
  const strata = Array.from(cohort.labels, (label, i) => `${label} ${sites?.[i] ?? ''}`);
  const tasks: FoldTask[] = [];
  for (let s = seed; s < seed + seeds; s++) {
    const parts = folds === 'leave-one-site-out' ? leaveOneSiteOut(sites!) : stratifiedFolds(strata, folds, s);
    parts.forEach((test, fold) => {
      for (const model of models) tasks.push({ model, seed: s, fold, test });
    });
  }
  let done = 0;
  const payload: FoldTasks = { cohort, strata, tasks, spec: options.spec ?? {}, fit: options.fit ?? {} };
  const { results } = await launch<FoldTasks, (readonly [task: number, scores: Float32Array])[], 'fold'>(
    parseCluster(`1x${Math.max(1, Math.min(workers, tasks.length))}`),
    new URL('./crossValidationEntry.js', import.meta.url),
    payload,
    { engine, timeoutMs: 0x7fffffff, ...(signal ? { signal } : {}), onEvent: () => onFold?.(++done, tasks.length) },
  );
  const rows: FoldScores[] = [];
  for (const [at, probabilities] of results.flat().sort((a, b) => a[0] - b[0])) {
    const { model, seed, fold, test } = tasks[at]!;
    const labels = test.map((i) => cohort.labels[i]!);
    rows.push({ model, seed, fold, subjects: test.length, ...binaryScores(probabilities, labels) });
  }
  return {
    folds: rows,
    models: models.map((model) =>
      summary(
        model,
        rows.filter((row) => row.model === model),
      ),
    ),
  };
}

function summary(model: BrainModelName, rows: readonly FoldScores[]): ModelSummary {
  const keys = ['accuracy', 'auc', 'sensitivity', 'specificity'] as const;
  const over = (score: (values: number[]) => number): BinaryScores => {
    const [accuracy, auc, sensitivity, specificity] = keys.map((key) => {
      const values = rows.map((row) => row[key]).filter((value) => !Number.isNaN(value));
      return values.length > 0 ? score(values) : Number.NaN;
    }) as [number, number, number, number];
    return { accuracy, auc, sensitivity, specificity };
  };
  const meanOf = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const sdOf = (values: number[]) => {
    const mean = meanOf(values);
    return values.length > 1 ? Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (values.length - 1)) : 0;
  };
  return { model, mean: over(meanOf), sd: over(sdOf) };
}
