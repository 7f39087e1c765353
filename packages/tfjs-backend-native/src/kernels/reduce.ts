/** Sum, Mean, Prod, Max, Min over any axes, without a transpose: SIMD loops over rows or down columns. */
import { backend_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { ArenaArray } from '../arena/DeviceArena.js';
import type { NativeBackend } from '../NativeBackend.js';
import type { ReduceOperator } from '../simd/loops.js';
import { areFloat, type NativeKernel, type NativeKernels } from './NativeKernel.js';

/** Sums run over at most so many terms before their subtotal is put aside: float32 loses digits in long sums. */
const CHUNK_COLUMNS = 8192;
const CHUNK_ROWS = 256;

/** Columns from which on a loop down the rows runs at the speed of the memory. */
const WIDE_COLUMNS = 1024;

/** The reduction of nothing. */
const NEUTRAL = { sum: 0, sumInt: 0, product: 1, max: -Infinity, min: Infinity } as const;
const ELEMENTWISE = { sum: 'add', sumInt: 'addInt', product: 'mul', max: 'max', min: 'min' } as const;

const sum = reduction('Sum', 'sum', 'axis');
const sumOfIntegers = reduction('Sum', 'sumInt', 'axis');

export const reduceKernels: NativeKernels = {
  Sum: (args) => (args.inputs.x.dtype === 'int32' ? sumOfIntegers : sum)(args),
  Prod: reduction('Prod', 'product', 'axis'),
  Max: reduction('Max', 'max', 'reductionIndices'),
  Min: reduction('Min', 'min', 'axis'),
  Mean: (args) => {
    const total = reduction('Mean', 'sum', 'axis')(args) as TensorInfo | undefined;
    if (!total) return undefined;
    const { inputs, backend } = args;
    const { x } = inputs as { x: TensorInfo };
    const size = backend.floats(total).length;
    const count = backend.floats(x).length / size;
    const address = backend.operand(total, 0);
    if (size > 0) {
      backend.simd.rows.div.scalarB(address, backend.constant(1, count), address, 1, size, 0, 0, 0);
    }
    return total;
  },
};

const typeOf = (operator: ReduceOperator): 'float32' | 'int32' => (operator === 'sumInt' ? 'int32' : 'float32');

function isIntegers(backend: NativeBackend, { dataId, dtype }: TensorInfo): boolean {
  return dtype === 'int32' && backend.values(dataId) instanceof Int32Array;
}

/** A run of neighbouring dimensions that are all kept or all reduced. */
interface Group {
  length: number;
  readonly isReduced: boolean;
}

function reduction(kernel: string, operator: ReduceOperator, axisName: string): NativeKernel {
  return ({ inputs: { x }, attrs, backend }) => {
    const isInteger = operator === 'sumInt';
    if (isInteger ? !isIntegers(backend, x) : !areFloat(backend, x)) return undefined;
    const shape: number[] = x.shape;
    const axes = util.parseAxisParam(attrs[axisName], shape);
    const [keptShape] = backend_util.computeOutAndReduceShapes(shape, axes);
    const outShape = attrs.keepDims ? backend_util.expandShapeToKeepDim(keptShape, axes) : keptShape;
    const groups = groupsOf(shape, axes);
    const source = isInteger ? backend.address(x.dataId) : backend.operand(x, 0);
    const dataId = reduceGroups(backend, kernel, operator, source, groups);
    return { dataId, shape: outShape, dtype: typeOf(operator) };
  };
}

function groupsOf(shape: readonly number[], axes: readonly number[]): Group[] {
  const groups: Group[] = [];
  for (let i = 0; i < shape.length; i++) {
    const length = shape[i]!;
    if (length === 1) continue;
    const isReduced = axes.includes(i);
    const last = groups[groups.length - 1];
    if (last && last.isReduced === isReduced) last.length *= length;
    else groups.push({ length, isReduced });
  }
  return groups;
}

/** Reduces the innermost reduced group, then the next, until none is left. */
function reduceGroups(
  backend: NativeBackend,
  kernel: string,
  operator: ReduceOperator,
  source: number,
  groups: readonly Group[],
): TensorInfo['dataId'] {
  const at = groups.findLastIndex((group) => group.isReduced);
  const product = (part: readonly Group[]): number => part.reduce((size, group) => size * group.length, 1);
  const outer = product(groups.slice(0, Math.max(0, at)));
  const inner = product(groups.slice(at + 1));
  const length = at < 0 ? 1 : groups[at]!.length;
  const { dataId, values } = backend.allocate(kernel, outer * inner, typeOf(operator));
  if (at < 0) {
    // Nothing to reduce: dimensions of length 1 only.
    if (inner > 0) backend.simd.copyRows(source, values.byteOffset, 1, inner * 4, 0, 0);
    return dataId;
  }
  if (values.length > 0) {
    if (length === 0) values.fill(NEUTRAL[operator]);
    else if (inner === 1) reduceRows(backend, operator, source, values, outer, length);
    else reduceDown(backend, operator, source, values, outer, length, inner);
  }
  const rest = groups.filter((_, i) => i !== at);
  if (!rest.some((group) => group.isReduced)) return dataId;
  const reduced = reduceGroups(backend, kernel, operator, values.byteOffset, rest);
  backend.disposeData(dataId);
  return reduced;
}

function reduceRows(
  backend: NativeBackend,
  operator: ReduceOperator,
  source: number,
  out: ArenaArray,
  rows: number,
  columns: number,
): void {
  const reduce = backend.simd.reduce[operator];
  if (operator !== 'sum' || columns <= CHUNK_COLUMNS) {
    reduce(source, out.byteOffset, rows, columns);
    return;
  }
  const chunks = Math.floor(columns / CHUNK_COLUMNS);
  const rest = columns - chunks * CHUNK_COLUMNS;
  const scratch = backend.allocate('Sum', chunks + 1, 'float32');
  for (let row = 0; row < rows; row++) {
    const start = source + row * columns * 4;
    reduce(start, scratch.values.byteOffset, chunks, CHUNK_COLUMNS);
    reduce(start + chunks * CHUNK_COLUMNS * 4, scratch.values.byteOffset + chunks * 4, 1, rest);
    let total = 0;
    for (const subtotal of scratch.values) total += subtotal;
    out[row] = total;
  }
  backend.disposeData(scratch.dataId);
}

/** Columns, then: few columns and many rows are read as fewer rows that are wide enough for a fast loop. */
function reduceDown(
  backend: NativeBackend,
  operator: ReduceOperator,
  source: number,
  out: ArenaArray,
  outer: number,
  rows: number,
  columns: number,
): void {
  const fold = Math.min(Math.floor(WIDE_COLUMNS / columns), Math.floor(rows / 4));
  if (fold < 2) {
    reduceColumns(backend, operator, source, out, outer, rows, columns);
    return;
  }
  const folded = Math.floor(rows / fold);
  const rest = rows - folded * fold;
  const rowBytes = columns * 4;
  const { dataId, values } = backend.allocate('Sum', fold * columns, 'float32');
  const accumulate = backend.simd.rows[ELEMENTWISE[operator]].both;
  for (let i = 0; i < outer; i++) {
    const from = source + i * rows * rowBytes;
    const target = out.subarray(i * columns, (i + 1) * columns);
    reduceColumns(backend, operator, from, values, 1, folded, fold * columns);
    reduceColumns(backend, operator, values.byteOffset, target, 1, fold, columns);
    const at = target.byteOffset;
    if (rest > 0) accumulate(at, from + folded * fold * rowBytes, at, rest, columns, 0, rowBytes, 0);
  }
  backend.disposeData(dataId);
}

function reduceColumns(
  backend: NativeBackend,
  operator: ReduceOperator,
  source: number,
  out: ArenaArray,
  outer: number,
  rows: number,
  columns: number,
): void {
  const accumulate = backend.simd.rows[ELEMENTWISE[operator]].both;
  const rowBytes = columns * 4;
  const start = NEUTRAL[operator];
  out.fill(start);
  if (operator !== 'sum' || rows <= CHUNK_ROWS) {
    for (let i = 0; i < outer; i++) {
      const target = out.byteOffset + i * rowBytes;
      accumulate(target, source + i * rows * rowBytes, target, rows, columns, 0, rowBytes, 0);
    }
    return;
  }
  const scratch = backend.allocate('Sum', columns, 'float32');
  const subtotal = scratch.values.byteOffset;
  for (let i = 0; i < outer; i++) {
    const target = out.byteOffset + i * rowBytes;
    for (let row = 0; row < rows; row += CHUNK_ROWS) {
      scratch.values.fill(0);
      const from = source + (i * rows + row) * rowBytes;
      accumulate(subtotal, from, subtotal, Math.min(CHUNK_ROWS, rows - row), columns, 0, rowBytes, 0);
      accumulate(target, subtotal, target, 1, columns, 0, 0, 0);
    }
  }
  backend.disposeData(scratch.dataId);
}
