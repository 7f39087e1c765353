/** Kernels that move elements without changing them: Slice, Concat, PadV2, GatherV2, UnsortedSegmentSum. */
import { backend_util, slice_util, type TensorInfo, util } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import { copyBlock, copyRun } from './copyBlock.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';

/** Below this many elements a plain loop beats a call into ONNX Runtime. Estimated from the cost of a call, about 2 µs. */
const SMALL = 512;

export const layoutKernels: NativeKernels = {
  Slice({ inputs: { x }, attrs, backend }) {
    if (!areFloat(backend, x)) return undefined;
    const [begin, size] = slice_util.parseSliceParams(x, attrs.begin, attrs.size) as [number[], number[]];
    slice_util.assertParamsValid(x, begin, size);
    const { dataId, values } = backend.allocate('Slice', sizeOf(size), 'float32');
    copyBlock(backend.floats(x), x.shape, begin, values, size, new Array(size.length).fill(0), size);
    return { dataId, shape: size, dtype: 'float32' };
  },

  PadV2({ inputs: { x }, attrs: { paddings, constantValue }, backend }) {
    if (!areFloat(backend, x)) return undefined;
    const before = (paddings as [number, number][]).map(([first]) => first);
    const shape = (x.shape as number[]).map((dim, i) => dim + paddings[i][0] + paddings[i][1]);
    const { dataId, values } = backend.allocate('PadV2', sizeOf(shape), 'float32');
    values.fill(constantValue);
    copyBlock(backend.floats(x), x.shape, new Array(shape.length).fill(0), values, shape, before, x.shape);
    return { dataId, shape, dtype: 'float32' };
  },

  Concat: ({ inputs, attrs, backend }) => concat(backend, inputs as TensorInfo[], attrs.axis),

  GatherV2: ({ inputs: { x, indices }, attrs, backend }) =>
    gather(backend, x, indices, attrs.axis, attrs.batchDims ?? 0),

  UnsortedSegmentSum: ({ inputs: { x, segmentIds }, attrs: { numSegments }, backend }) =>
    segmentSum(backend, x, segmentIds, numSegments),
};

function concat(backend: NativeBackend, inputs: readonly TensorInfo[], axisAttribute: number): TensorInfo | undefined {
  if (!areFloat(backend, ...inputs)) return undefined;
  const axis = util.parseAxisParam(axisAttribute, inputs[0]!.shape)[0]!;
  const shapes = inputs.map((input) => input.shape);
  backend_util.assertParamsConsistent(shapes, axis);
  const shape = backend_util.computeOutShape(shapes, axis);
  const { dataId, values } = backend.allocate('Concat', sizeOf(shape), 'float32');
  const outer = sizeOf(shape.slice(0, axis));
  const width = sizeOf(shape.slice(axis));
  let column = 0;
  for (const input of inputs) {
    const part = sizeOf(input.shape.slice(axis));
    copyBlock(backend.floats(input), [outer, part], [0, 0], values, [outer, width], [0, column], [outer, part]);
    column += part;
  }
  return { dataId, shape, dtype: 'float32' };
}

function gather(
  backend: NativeBackend,
  x: TensorInfo,
  indices: TensorInfo,
  axisAttribute: number,
  batchDims: number,
): TensorInfo | undefined {
  const at = backend.values(indices.dataId);
  if (!areFloat(backend, x) || !(at instanceof Int32Array) || batchDims !== 0) return undefined;
  const axis = util.parseAxisParam(axisAttribute, x.shape)[0]!;
  const length = x.shape[axis]!;
  for (const index of at) {
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
  const { dataId, values } = backend.allocate('GatherV2', outer * at.length * inner, 'float32');
  const source = backend.floats(x);
  if (values.length >= SMALL) {
    backend.operators
      .get('Gather', () => GATHER)
      .input(0, backend.address(x.dataId), [outer, length, inner])
      .input(1, backend.address(indices.dataId), [at.length])
      .run(values.byteOffset, [outer, at.length, inner]);
  } else {
    for (let i = 0, to = 0; i < outer; i++) {
      for (let j = 0; j < at.length; j++, to += inner)
        copyRun(source, (i * length + at[j]!) * inner, values, to, inner);
    }
  }
  return { dataId, shape: outputShape, dtype: 'float32' };
}

const GATHER: OnnxGraph = {
  inputs: { x: 'float32', indices: 'int32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Gather', inputs: ['x', 'indices'], outputs: ['y'], attributes: { axis: 1 } }],
};

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
