/** Counts behind accuracy and micro-F1, summed over ranks. */
import type { ProcessGroup } from '@strata-ml/core';
import type { GraphData } from '../data.js';

/** A part of the split on this rank: local rows and their global ids. */
export interface LocalSplit {
  readonly rows: Int32Array;
  readonly ids: Int32Array;
}

/** Local rows of `vertices` that this rank owns; `globalIds` of owned rows. */
export function localSplit(vertices: Int32Array, globalIds: Int32Array, numOwned: number): LocalSplit {
  const wanted = new Set(vertices);
  const rows: number[] = [];
  for (let row = 0; row < numOwned; row++) if (wanted.has(globalIds[row]!)) rows.push(row);
  return { rows: Int32Array.from(rows), ids: Int32Array.from(rows, (row) => globalIds[row]!) };
}

/**
 * Counts [hits, total] (single label: correct, vertices; multi-label: 2·TP, 2·TP + FP + FN), so that hits / total is the
 * accuracy or the micro-F1.
 *
 * @param logits - float32 `[numOwned, C]`
 */
export function countHits(logits: Float32Array, split: LocalSplit, data: Omit<GraphData, 'graph'>): [number, number] {
  const classes = data.numClasses;
  let hits = 0;
  let total = 0;
  for (let i = 0; i < split.rows.length; i++) {
    const base = split.rows[i]! * classes;
    const id = split.ids[i]!;
    if (data.multiLabels) {
      for (let c = 0; c < classes; c++) {
        const predicted = logits[base + c]! > 0;
        const actual = data.multiLabels[id * classes + c] === 1;
        if (predicted && actual) hits += 2;
        total += (predicted ? 1 : 0) + (actual ? 1 : 0);
      }
      continue;
    }
    let best = 0;
    for (let c = 1; c < classes; c++) if (logits[base + c]! > logits[base + best]!) best = c;
    if (best === data.labels[id]) hits++;
    total++;
  }
  return [hits, total];
}

/** Sums counts over ranks and divides; NaN where nothing was counted. Collective. */
export function reduceScores(world: ProcessGroup, counts: readonly (readonly [number, number])[]): number[] {
  const flat = Float64Array.from(counts.flat());
  world.allReduce(flat, { phase: 'evaluation' });
  return counts.map((_, i) => (flat[2 * i + 1] === 0 ? Number.NaN : flat[2 * i]! / flat[2 * i + 1]!));
}
