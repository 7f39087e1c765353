/** Vertex labels of the common layout: one class each, or several. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import type { NodeDataset } from '../NodeDataset.js';
import { checkRange, checkRows, readArray } from './arrays.js';
import type { DatasetMeta } from './meta.js';

/** The label fields of a data set. */
export type Labels = Pick<NodeDataset, 'labels' | 'multiLabels' | 'numClasses'>;

/** Labels of a graph that has none. */
export const noLabels: Labels = { labels: new Int32Array(0), numClasses: 0 };

/** Whether a vertex has a label. */
export function labelTest({ labels, multiLabels }: Labels): (v: number) => boolean {
  if (multiLabels) return () => true;
  return (v) => v < labels.length && labels[v]! >= 0;
}

/**
 * Reads `labels.i32.gz`, else `label.indptr/indices`, else none.
 *
 * @throws {@link DataError} if the count is not that of the vertices or a class is out of range.
 */
export async function readLabels(folder: string, meta: DatasetMeta): Promise<Labels> {
  const n = meta.num_nodes;
  const file = join(folder, 'labels.i32.gz');
  if (existsSync(file)) {
    const labels = await readArray(file, 'i32', n);
    const numClasses = meta.num_classes ?? labels.reduce((most, label) => Math.max(most, label + 1), 0);
    checkRange(file, 'labels', labels, -1, numClasses - 1);
    return { labels, numClasses };
  }
  const indptrFile = join(folder, 'label.indptr.i32.gz');
  if (!existsSync(indptrFile)) return noLabels;
  const indptr = await readArray(indptrFile, 'i32', n + 1);
  const indicesFile = join(folder, 'label.indices.i32.gz');
  const indices = await readArray(indicesFile, 'i32', undefined);
  const numClasses = meta.multi_label?.num_labels;
  if (numClasses === undefined) {
    throw new DataError(
      `${join(folder, 'meta.json')}: multi_label.num_labels must be given with ${indptrFile}, got none`,
    );
  }
  checkRows(indicesFile, indptr, indices, numClasses);
  const multiLabels = new Uint8Array(new SharedArrayBuffer(n * numClasses));
  for (let v = 0; v < n; v++) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) multiLabels[v * numClasses + indices[e]!] = 1;
  }
  return { labels: noLabels.labels, multiLabels, numClasses };
}
