/** Questions asked of the rows of a timeline. */
import type { EpochRow } from './report.js';

/** The evaluated row of highest validation accuracy, the earliest of equals; the last row if none was evaluated. */
export function bestRow(rows: readonly EpochRow[]): EpochRow | undefined {
  let best: EpochRow | undefined;
  for (const row of rows) {
    if (row.valAccuracy === undefined) continue;
    if (best?.valAccuracy === undefined || row.valAccuracy > best.valAccuracy) best = row;
  }
  return best ?? rows.at(-1);
}

/** Evaluations since validation accuracy last rose. */
export function evaluationsSinceBest(rows: readonly EpochRow[]): number {
  const best = bestRow(rows);
  return rows.filter((row) => row.valAccuracy !== undefined && best && row.epoch > best.epoch).length;
}
