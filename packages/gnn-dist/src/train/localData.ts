/** Labels and split of the rows a rank owns. */
import type { GraphData } from '../data.js';
import type { OneHopBlock } from '../plan/rankGraph.js';

/** Labels by owned row, and which owned rows train, validate and test. */
export interface LocalData {
  /** int32 `[numOwned]`; −1 for unlabelled rows. */
  readonly labels: Int32Array;
  /** uint8 `[numOwned, C]`, for multi-label tasks. */
  readonly multiLabels: Uint8Array | undefined;
  readonly train: Int32Array;
  readonly val: Int32Array;
  readonly test: Int32Array;
}

/** Picks what belongs to the owned rows of `block`. */
export function localData(
  data: Omit<GraphData, 'graph'>,
  { globalIds, numOwned }: Pick<OneHopBlock, 'globalIds' | 'numOwned'>,
): LocalData {
  const { labels, multiLabels, numClasses, split } = data;
  const owned = globalIds.subarray(0, numOwned);
  const rowsOf = (vertices: Int32Array): Int32Array => {
    const wanted = new Set(vertices);
    const rows: number[] = [];
    for (let row = 0; row < numOwned; row++) if (wanted.has(owned[row]!)) rows.push(row);
    return Int32Array.from(rows);
  };
  let local: Uint8Array | undefined;
  if (multiLabels) {
    local = new Uint8Array(numOwned * numClasses);
    for (let row = 0; row < numOwned; row++) {
      const id = owned[row]!;
      local.set(multiLabels.subarray(id * numClasses, (id + 1) * numClasses), row * numClasses);
    }
  }
  return {
    labels: Int32Array.from(owned, (id) => labels[id] ?? -1),
    multiLabels: local,
    train: rowsOf(split.train),
    val: rowsOf(split.val),
    test: rowsOf(split.test),
  };
}

/** Labels of the output rows of a batch: those of `vertices` with `isTrain` set count in the loss. */
export function batchData(data: Omit<GraphData, 'graph'>, vertices: Int32Array, isTrain: Uint8Array): LocalData {
  const none = new Int32Array(0);
  const split = { train: none, val: none, test: none };
  const local = localData({ ...data, split }, { globalIds: vertices, numOwned: vertices.length });
  return { ...local, train: Int32Array.from(vertices.keys()).filter((row) => isTrain[vertices[row]!] === 1) };
}
