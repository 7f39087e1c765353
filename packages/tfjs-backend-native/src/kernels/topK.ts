/** TopK along the last dimension: a heap of the best so far, the worst of them on top. Equals keep the lower index. */
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

export const topKKernels: NativeKernels = {
  TopK({ inputs: { x }, attrs: { k }, backend }) {
    if (!areFloat(backend, x) || k === 0 || sizeOf(x.shape) === 0) return undefined;
    const columns = x.shape[x.shape.length - 1]!;
    const source = backend.floats(x);
    // NaN has no place in an order; the inherited kernel decides.
    if (k > columns || hasNaN(source)) return undefined;
    const rows = source.length / columns;
    const shape = [...x.shape.slice(0, -1), k];
    const best = backend.allocate('TopK', rows * k, 'float32');
    const places = backend.allocate('TopK', rows * k, 'int32');
    for (let row = 0; row < rows; row++) {
      selectRow(
        source.subarray(row * columns, (row + 1) * columns),
        best.values.subarray(row * k, (row + 1) * k),
        places.values.subarray(row * k, (row + 1) * k),
      );
    }
    return [
      { dataId: best.dataId, shape, dtype: 'float32' },
      { dataId: places.dataId, shape, dtype: 'int32' },
    ];
  },
};

/** A loop: `some` calls a function for every number. */
function hasNaN(x: Float32Array): boolean {
  let isOrdered = true;
  for (let i = 0; i < x.length; i++) isOrdered = isOrdered && x[i]! >= -Infinity;
  return !isOrdered;
}

/** Fills `values` and `places` with the largest of `x`, in falling order. */
function selectRow(x: Float32Array, values: Float32Array, places: Int32Array): void {
  const k = values.length;
  for (let i = 0; i < k; i++) {
    values[i] = x[i]!;
    places[i] = i;
  }
  for (let i = (k >> 1) - 1; i >= 0; i--) sink(values, places, i, k);
  let worst = values[0]!;
  // An equal that comes later has the higher index: it never enters.
  for (let i = k; i < x.length; i++) {
    const value = x[i]!;
    if (value > worst) {
      values[0] = value;
      places[0] = i;
      sink(values, places, 0, k);
      worst = values[0]!;
    }
  }
  for (let end = k - 1; end > 0; end--) {
    const [value, place] = [values[0]!, places[0]!];
    values[0] = values[end]!;
    places[0] = places[end]!;
    values[end] = value;
    places[end] = place;
    sink(values, places, 0, end);
  }
}

/** Restores the heap below `start`: parents are worse than their children. */
function sink(values: Float32Array, places: Int32Array, start: number, end: number): void {
  const value = values[start]!;
  const place = places[start]!;
  let at = start;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= end) break;
    if (child + 1 < end && isWorse(values[child + 1]!, places[child + 1]!, values[child]!, places[child]!)) child++;
    if (!isWorse(values[child]!, places[child]!, value, place)) break;
    values[at] = values[child]!;
    places[at] = places[child]!;
    at = child;
  }
  values[at] = value;
  places[at] = place;
}

function isWorse(value: number, place: number, other: number, otherPlace: number): boolean {
  return value < other || (value === other && place > otherPlace);
}
