/** What every worker of a cross-validation runs: its share of the folds. */
import type { RankEntry } from '@strata-ml/core';
import { type BrainModelName, createBrainModel } from './brainModels.js';
import { stratifiedFolds } from './cohort.js';
import type { Cohort, CrossValidationOptions } from './crossValidate.js';
import type { LabelledGraphs } from './fitQuadStream.js';

/** One training and test. */
export interface FoldTask {
  readonly model: BrainModelName;
  readonly seed: number;
  readonly fold: number;
  /** Subjects to test on; all others train. */
  readonly test: Int32Array;
}

/** What the workers get. */
export interface FoldTasks {
  readonly cohort: Cohort;
  readonly strata: readonly string[];
  readonly tasks: readonly FoldTask[];
  readonly spec: NonNullable<CrossValidationOptions['spec']>;
  readonly fit: NonNullable<CrossValidationOptions['fit']>;
}

const entry: RankEntry<FoldTasks, (readonly [number, Float32Array])[], 'fold'> = async (ctx, payload) => {
  const { cohort, strata, tasks, spec, fit } = payload;
  const done: [number, Float32Array][] = [];
  for (let at = ctx.rank; at < tasks.length; at += ctx.worldSize) {
    // An abort is seen between turns of the event loop.
    await new Promise<void>((resolve) => setImmediate(resolve));
    ctx.throwIfAborted();
    const { model: name, seed, test } = tasks[at]!;
    const tested = new Set(test);
    const rest = Int32Array.from(cohort.graphs.keys()).filter((i) => !tested.has(i));
    const held = stratifiedFolds(
      Array.from(rest, (i) => strata[i]!),
      4,
      seed,
    )[0]!;
    const validating = new Set(held);
    const first = cohort.graphs[0]!;
    const model = createBrainModel(name, {
      regions: first.regions,
      ...(first.features ? { features: first.features.length / first.regions } : {}),
      ...spec,
      seed,
    });
    const train = pick(
      cohort,
      rest.filter((_, k) => !validating.has(k)),
    );
    model.fit(train, {
      ...fit,
      validation: pick(
        cohort,
        held.map((k) => rest[k]!),
      ),
    });
    const probabilities = model.predict(Array.from(test, (i) => cohort.graphs[i]!));
    done.push([at, probabilities.filter((_, i) => i % 2 === 1)]);
    model.dispose();
    ctx.report('fold');
  }
  return done;
};

export default entry;

const pick = ({ graphs, labels }: LabelledGraphs, subjects: Int32Array): LabelledGraphs => ({
  graphs: Array.from(subjects, (i) => graphs[i]!),
  labels: subjects.map((i) => labels[i]!),
});
