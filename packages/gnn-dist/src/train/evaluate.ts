/** Scores of a model with full neighbourhoods and no dropout, on the ranks that train it. */
import type { GnnModel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { fullGraphView } from '../modes/fullGraphView.js';
import type { ModeEnvironment, StepView } from '../modes/TrainingMode.js';
import { firstRows } from '../stages/rows.js';
import type { GraphView } from './payload.js';
import { countHits, type HitCount, reduceScores } from './scores.js';

/** Accuracy or micro-F1 of the three parts of the split. */
export interface Scores {
  readonly train: number;
  readonly val: number;
  readonly test: number;
}

type Part = 'train' | 'val' | 'test';
const parts: readonly Part[] = ['train', 'val', 'test'];

/** Scores a model; collective. @param exactView - of the training graph, if there is one already */
export function scoreModel(environment: ModeEnvironment, model: GnnModel, epoch: number, exactView?: StepView): Scores {
  const { views } = environment.payload;
  const separate = {
    train: views.train,
    val: views.val ?? views.train,
    test: views.test ?? views.val ?? views.train,
  };
  const counts: Partial<Record<Part, HitCount>> = {};
  for (const view of new Set(Object.values(separate))) {
    const wanted = parts.filter((part) => separate[part] === view);
    const exact = view === views.train ? exactView : undefined;
    Object.assign(counts, countOnView(environment, model, epoch, wanted, view, exact));
  }
  const [train, val, test] = reduceScores(
    environment.ctx.world,
    parts.map((part) => counts[part] ?? [0, 0]),
  );
  return { train: train!, val: val!, test: test! };
}

/** Counts hits on a graph; a view that is not there yet is made and freed. */
function countOnView(
  environment: ModeEnvironment,
  model: GnnModel,
  epoch: number,
  wanted: readonly Part[],
  view: GraphView,
  exact: StepView | undefined,
): Partial<Record<Part, HitCount>> {
  const { context, local } = exact ?? fullGraphView(environment, view).view;
  try {
    context.beginPass({ epoch, training: false });
    const counts: Partial<Record<Part, HitCount>> = {};
    tf.tidy(() => {
      const logits = firstRows(model.forward(context), context.numOutputs);
      for (const part of wanted) counts[part] = countHits(logits, local[part], local);
    });
    context.endPass();
    return counts;
  } finally {
    if (!exact) context.dispose();
  }
}
