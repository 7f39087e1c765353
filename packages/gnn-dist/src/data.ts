/** What is trained on: a graph, features, labels and one split, checked before any rank starts. */
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import type { Csr } from '@strata-ml/kernels';

/** Input features: sparse rows, or dense rows float32 `[n, F]`. */
export type Features =
  | { readonly kind: 'csr'; readonly csr: Csr }
  | { readonly kind: 'dense'; readonly values: Float32Array };

/** A vertex classification task. `NodeDataset` of `@strata-ml/datasets` plus a chosen split has this shape. */
export interface GraphData {
  readonly name: string;
  /** Row v = in-neighbours of v. Duplicates and self-loops are removed, one self-loop per vertex is added. */
  readonly graph: CsrGraph;
  readonly numFeatures: number;
  readonly features: Features;
  /** Class of each vertex, −1 if unknown. int32 `[n]`; empty for multi-label tasks. */
  readonly labels: Int32Array;
  /** 0/1 per vertex and class, uint8 `[n, C]`: a multi-label task. */
  readonly multiLabels?: Uint8Array;
  readonly numClasses: number;
  readonly split: { readonly train: Int32Array; readonly val: Int32Array; readonly test: Int32Array };
}

/**
 * Checks that there is a row of finite features per vertex.
 *
 * @throws {@link ShapeError} or {@link DataError} naming the first thing wrong.
 */
export function checkFeatures(data: Pick<GraphData, 'graph' | 'features' | 'numFeatures'> & Partial<GraphData>): void {
  const n = data.graph.numVertices;
  const where = `data set ${data.name ?? ''}`.trim();
  if (data.features.kind === 'csr') {
    const { csr } = data.features;
    if (csr.rows !== n || csr.cols !== data.numFeatures) {
      throw new ShapeError(where, 'features', [csr.rows, csr.cols], `[${n}, ${data.numFeatures}], a row per vertex`);
    }
    if (csr.values) checkFinite(where, csr.values, (i) => `entry ${i}`);
  } else {
    const { values } = data.features;
    const width = data.numFeatures;
    if (values.length !== n * width) {
      throw new ShapeError(where, 'features', [values.length / width, width], `[${n}, ${width}], a row per vertex`);
    }
    checkFinite(where, values, (i) => `vertex ${Math.floor(i / width)}, column ${i % width}`);
  }
}

/**
 * Checks that sizes agree, features are finite, and split vertices exist and have labels.
 *
 * @throws {@link ShapeError}, {@link DataError} or {@link OptionError} naming the first thing wrong.
 */
export function checkGraphData(data: GraphData): void {
  const n = data.graph.numVertices;
  const where = `data set ${data.name}`;
  checkFeatures(data);
  const { multiLabels, labels, numClasses, split } = data;
  if (multiLabels) {
    if (multiLabels.length !== n * numClasses) {
      throw new ShapeError(
        where,
        'multiLabels',
        [multiLabels.length / numClasses, numClasses],
        `[${n}, ${numClasses}]`,
      );
    }
  } else if (labels.length !== n) {
    throw new ShapeError(where, 'labels', [labels.length], `[${n}], one per vertex`);
  }
  for (const part of ['train', 'val', 'test'] as const) {
    for (const v of split[part]) {
      if (!(v >= 0 && v < n)) throw new DataError(`${where}: vertex ${v} of the ${part} split must be in 0 … ${n - 1}`);
      if (multiLabels) continue;
      const label = labels[v]!;
      if (!(label >= 0 && label < numClasses)) {
        throw new DataError(
          `${where}: vertex ${v} of the ${part} split must have a label in 0 … ${numClasses - 1}, got ${label}`,
        );
      }
    }
  }
  if (split.train.length === 0) throw new OptionError(where, 'split.train', [], 'at least one vertex');
}

function checkFinite(where: string, values: Float32Array, position: (i: number) => string): void {
  for (let i = 0; i < values.length; i++) {
    const v = values[i]!;
    if (v - v !== 0) {
      throw new DataError(
        `${where}: features must be finite, got ${v} at ${position(i)}; replace or impute missing values first`,
        { index: i },
      );
    }
  }
}
