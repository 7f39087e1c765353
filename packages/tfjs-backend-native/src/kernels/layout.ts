/** Kernels that move elements without changing them: Slice, Concat, PadV2, GatherV2, UnsortedSegmentSum. */
import { backend_util, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { copyBlock } from './copyBlock.js';
import { areFloat, fourByteType, type NativeKernels, sizeOf } from './NativeKernel.js';

export const layoutKernels: NativeKernels = {
  Slice({ inputs: { x }, attrs, backend }) {
    const dtype = fourByteType(backend, x);
    if (!dtype) return undefined;
    const [begin, size] = slice_util.parseSliceParams(x, attrs.begin, attrs.size) as [number[], number[]];
    slice_util.assertParamsValid(x, begin, size);
    const from = backend.address(x.dataId);
    const { dataId, values } = backend.allocate('Slice', sizeOf(size), dtype);
    const to = { at: values.byteOffset, shape: size, begin: zeros(size.length) };
    copyBlock(backend, { at: from, shape: x.shape, begin }, to, size);
    return { dataId, shape: size, dtype };
  },

  PadV2({ inputs: { x }, attrs: { paddings, constantValue }, backend }) {
    const dtype = fourByteType(backend, x);
    if (!dtype) return undefined;
    const before = (paddings as [number, number][]).map(([first]) => first);
    const shape = (x.shape as number[]).map((dim, i) => dim + paddings[i][0] + paddings[i][1]);
    const at = backend.address(x.dataId);
    const { dataId, values } = backend.allocate('PadV2', sizeOf(shape), dtype);
    values.fill(constantValue);
    const to = { at: values.byteOffset, shape, begin: before };
    copyBlock(backend, { at, shape: x.shape, begin: zeros(shape.length) }, to, x.shape);
    return { dataId, shape, dtype };
  },

  Concat: ({ inputs, attrs, backend }) => concat(backend, inputs as TensorInfo[], attrs.axis),

  GatherV2: ({ inputs: { x, indices }, attrs, backend }) =>
    gather(backend, x, indices, attrs.axis, attrs.batchDims ?? 0),

  UnsortedSegmentSum: ({ inputs: { x, segmentIds }, attrs: { numSegments }, backend }) =>
    segmentSum(backend, x, segmentIds, numSegments),
};

const zeros = (length: number): number[] => new Array<number>(length).fill(0);

function concat(backend: NativeBackend, inputs: readonly TensorInfo[], axisAttribute: number): TensorInfo | undefined {
  const dtype = fourByteType(backend, ...inputs);
  if (!dtype) return undefined;
  const axis = util.parseAxisParam(axisAttribute, inputs[0]!.shape)[0]!;
  const shapes = inputs.map((input) => input.shape);
  backend_util.assertParamsConsistent(shapes, axis);
  const shape = backend_util.computeOutShape(shapes, axis);
  const sources = inputs.map((input) => backend.address(input.dataId));
  const { dataId, values } = backend.allocate('Concat', sizeOf(shape), dtype);
  const outer = sizeOf(shape.slice(0, axis));
  const width = sizeOf(shape.slice(axis)) * 4;
  let column = values.byteOffset;
  inputs.forEach((input, i) => {
    const part = sizeOf(input.shape.slice(axis)) * 4;
    if (part > 0) backend.simd.copyRows(sources[i]!, column, outer, part, part, width);
    column += part;
  });
  return { dataId, shape, dtype };
}

function gather(
  backend: NativeBackend,
  x: TensorInfo,
  indices: TensorInfo,
  axisAttribute: number,
  batchDims: number,
): TensorInfo | undefined {
  const at = backend.values(indices.dataId);
  const dtype = fourByteType(backend, x);
  if (!dtype || !(at instanceof Int32Array) || batchDims !== 0) return undefined;
  const axis = util.parseAxisParam(axisAttribute, x.shape)[0]!;
  const length = x.shape[axis]!;
  for (let i = 0; i < at.length; i++) {
    const index = at[i]!;
    // The wording of the cpu backend.
    if (index < 0 || index >= length) {
      throw new Error(`GatherV2: the index value ${index} is not in [0, ${length - 1}]`);
    }
  }
  const outer = sizeOf(x.shape.slice(0, axis));
  const inner = sizeOf(x.shape.slice(axis + 1));
  const { outputShape } = backend_util.segment_util.collectGatherOpShapeInfo(
    // It reads shapes only.
    x as never,
    indices as never,
    axis,
    0,
  );
  const source = backend.address(x.dataId);
  const rows = backend.address(indices.dataId);
  const count = backend.floats(indices).length;
  const { dataId, values } = backend.allocate('GatherV2', outer * count * inner, dtype);
  const bytes = inner * 4;
  for (let i = 0; i < outer && bytes > 0; i++) {
    const to = values.byteOffset + i * count * bytes;
    backend.simd.gatherRows(source + i * length * bytes, to, rows, count, bytes);
  }
  return { dataId, shape: outputShape, dtype };
}

function segmentSum(
  backend: NativeBackend,
  x: TensorInfo,
  segmentIds: TensorInfo,
  numSegments: number,
): TensorInfo | undefined {
  const ids = backend.values(segmentIds.dataId);
  if (!areFloat(backend, x) || !(ids instanceof Int32Array) || segmentIds.shape.length !== 1) return undefined;
  if (x.shape[0] !== ids.length) return undefined;
  const width = sizeOf(x.shape.slice(1));
  const source = backend.operand(x, 0);
  const { dataId, values } = backend.allocate('UnsortedSegmentSum', numSegments * width, 'float32');
  values.fill(0);
  const add = backend.simd.rows.add.both;
  const rowBytes = width * 4;
  for (let row = 0; row < ids.length; row++) {
    const id = ids[row]!;
    // Ids out of range take part in no segment.
    if (id < 0 || id >= numSegments) continue;
    const target = values.byteOffset + id * rowBytes;
    add(target, source + row * rowBytes, target, 1, width, 0, 0, 0);
  }
  return { dataId, shape: [numSegments, ...x.shape.slice(1)], dtype: 'float32' };
}
