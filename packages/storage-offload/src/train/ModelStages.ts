/** The stages of a model as the trainer runs them. */
import type { GnnModel, GnnStage } from '@strata-ml/models';
import type { ScheduledStage } from './schedule.js';

/** A stage, with where its norm is applied. */
export interface TrainedStage extends GnnStage, ScheduledStage {}

/**
 * Batch norm needs sums over all vertices between a convolution and the ReLU behind it, so there the activation moves to
 * the stage that reads the rows: what is stored is what the convolution gave. Other norms stay where they are, and cost
 * once per vertex instead of once per gathered row.
 */
export function trainedStages({ stages, spec }: GnnModel): TrainedStage[] {
  const sums = spec.model === 'gcn' || spec.model === 'sage';
  const moved = stages.map((stage, l) => {
    const gathers = stage.readsNeighbours;
    if (stage.norm !== 'batch' && !stages[l - 1]?.finish) return { ...stage, gathers, hasBatchNorm: false };
    const before = stages[l - 1];
    const isMoved = before?.norm === 'batch' && before.finish !== undefined;
    const { finish, prepare, ...rest } = stage;
    const keepsFinish = finish && stage.norm !== 'batch';
    const entering = isMoved ? before.finish : prepare;
    return {
      ...rest,
      ...(entering ? { prepare: entering } : {}),
      ...(keepsFinish ? { finish } : {}),
      gathers,
      hasBatchNorm: l > 0 && entering !== undefined && (isMoved || stage.norm === 'batch'),
    };
  });
  return moved.map((stage) => ({ ...stage, isTiled: sums && stage.gathers && !stage.prepare }));
}

/** Columns that enter each stage, then those that leave the last. */
export function stageWidths(stages: readonly GnnStage[]): number[] {
  return [...stages.map(({ inputWidth }) => inputWidth), stages.at(-1)!.outputWidth];
}
