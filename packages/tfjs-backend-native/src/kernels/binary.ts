/** Element-wise operators of two operands, and comparisons: SIMD loops in the arena. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import type { BinaryOperator, CompareOperator, UnaryOperator } from '../simd/loops.js';
import { planBroadcast, runBroadcast } from './broadcast.js';
import { areFloat, type NativeKernel, type NativeKernels } from './NativeKernel.js';

/** Below this many elements `Math.pow` beats a call into ONNX Runtime. Measured: `scripts/thresholds.mjs`. */
const SMALL_POWER = 64;

/** Powers that are a few multiplications, divisions or roots, within 2 units in the last place. */
const SIMPLE_POWERS: ReadonlyMap<number, readonly UnaryOperator[]> = new Map([
  [-2, ['square', 'reciprocal']],
  [-1, ['reciprocal']],
  [-0.5, ['rootPower', 'reciprocal']],
  [0.5, ['rootPower']],
  [2, ['square']],
  [3, ['cube']],
  [4, ['square', 'square']],
] as const);

export const binaryKernels: NativeKernels = {
  Add: arithmetic('Add', 'add'),
  Sub: arithmetic('Sub', 'sub'),
  Multiply: arithmetic('Multiply', 'mul'),
  RealDiv: arithmetic('RealDiv', 'div'),
  Maximum: arithmetic('Maximum', 'max'),
  Minimum: arithmetic('Minimum', 'min'),
  SquaredDifference: arithmetic('SquaredDifference', 'squaredDifference'),
  FloorDiv: arithmetic('FloorDiv', 'floorDiv'),
  Prelu: ({ inputs: { x, alpha }, backend }) => compute(backend, 'Prelu', 'prelu', x, alpha, 'float32'),
  EluGrad: ({ inputs: { dy, y }, backend }) => compute(backend, 'EluGrad', 'eluGrad', dy, y, 'float32'),
  Equal: comparison('Equal', 'equal'),
  NotEqual: comparison('NotEqual', 'notEqual'),
  Less: comparison('Less', 'less'),
  LessEqual: comparison('LessEqual', 'lessEqual'),
  Greater: comparison('Greater', 'greater'),
  GreaterEqual: comparison('GreaterEqual', 'greaterEqual'),
  Pow: ({ inputs: { a, b }, backend }) => power(backend, a, b),
  AddN: ({ inputs, backend }) => sumOf(backend, inputs as TensorInfo[]),
};

function arithmetic(kernel: string, operator: BinaryOperator): NativeKernel {
  return ({ inputs: { a, b }, backend }) => compute(backend, kernel, operator, a, b, 'float32');
}

function comparison(kernel: string, operator: CompareOperator): NativeKernel {
  return ({ inputs: { a, b }, backend }) => compute(backend, kernel, operator, a, b, 'bool');
}

/** The same operators on int32, where they are one instruction. */
const INTEGER: Partial<Record<BinaryOperator | CompareOperator, BinaryOperator | CompareOperator>> = {
  add: 'addInt',
  sub: 'subInt',
  mul: 'mulInt',
  max: 'maxInt',
  min: 'minInt',
  equal: 'equalInt',
  notEqual: 'notEqualInt',
  less: 'lessInt',
  lessEqual: 'lessEqualInt',
  greater: 'greaterInt',
  greaterEqual: 'greaterEqualInt',
};

function areInteger(backend: NativeBackend, a: TensorInfo, b: TensorInfo): boolean {
  if (a.dtype !== 'int32' || b.dtype !== 'int32') return false;
  return backend.values(a.dataId) instanceof Int32Array && backend.values(b.dataId) instanceof Int32Array;
}

/** `operator(a, b)` as a new tensor; undefined unless both are float32, or int32 where that is as simple. */
function compute(
  backend: NativeBackend,
  kernel: string,
  operator: BinaryOperator | CompareOperator,
  a: TensorInfo,
  b: TensorInfo,
  dtype: 'float32' | 'bool',
): TensorInfo | undefined {
  const integer = INTEGER[operator];
  if (integer && areInteger(backend, a, b)) {
    const plan = planBroadcast(a.shape, b.shape);
    const [x, y] = [backend.address(a.dataId), backend.address(b.dataId)];
    const type = dtype === 'bool' ? 'bool' : 'int32';
    const { dataId, values } = backend.allocate(kernel, plan.size, type);
    runBroadcast(backend.simd.rows[integer], plan, x, y, values.byteOffset, type === 'bool' ? 1 : 4);
    return { dataId, shape: plan.shape, dtype: type };
  }
  if (!areFloat(backend, a, b)) return undefined;
  const plan = planBroadcast(a.shape, b.shape);
  const x = backend.operand(a, 0);
  const y = backend.operand(b, 1);
  const { dataId, values } = backend.allocate(kernel, plan.size, dtype);
  runBroadcast(backend.simd.rows[operator], plan, x, y, values.byteOffset, dtype === 'bool' ? 1 : 4);
  return { dataId, shape: plan.shape, dtype };
}

/** `target = operator(target, b)` where `b` broadcasts to the shape of `target`; false if it is larger than that. */
export function computeInPlace(
  backend: NativeBackend,
  operator: BinaryOperator,
  target: TensorInfo,
  b: TensorInfo,
): boolean {
  const plan = planBroadcast(target.shape, b.shape);
  const address = backend.operand(target, 0);
  const other = backend.operand(b, 1);
  if (plan.shape.length !== target.shape.length || plan.shape.some((dim, i) => dim !== target.shape[i])) return false;
  runBroadcast(backend.simd.rows[operator], plan, address, other, address, 4);
  return true;
}

function power(backend: NativeBackend, a: TensorInfo, b: TensorInfo): TensorInfo | undefined {
  if (!areFloat(backend, a, b)) return undefined;
  const exponents = backend.floats(b);
  const { shape, size } = planBroadcast(a.shape, b.shape);
  const simple = exponents.length === 1 ? SIMPLE_POWERS.get(exponents[0]!) : undefined;
  if (simple) {
    let x = backend.operand(a, 0);
    const { dataId, values } = backend.allocate('Pow', size, 'float32');
    for (const operator of simple) {
      backend.simd.unary[operator](x, values.byteOffset, size, 0, 0);
      x = values.byteOffset;
    }
    return { dataId, shape, dtype: 'float32' };
  }
  if (size < SMALL_POWER) return undefined;
  const out = backend.allocate('Pow', size, 'float32');
  backend.operators
    .get('Pow', () => POWER)
    .input(0, backend.operand(a, 0), a.shape)
    .input(1, backend.operand(b, 1), b.shape)
    .run(out.values.byteOffset, shape);
  return { dataId: out.dataId, shape, dtype: 'float32' };
}

const POWER: OnnxGraph = {
  inputs: { a: 'float32', b: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op: 'Pow', inputs: ['a', 'b'], outputs: ['y'] }],
};

function sumOf(backend: NativeBackend, inputs: readonly TensorInfo[]): TensorInfo | undefined {
  if (!areFloat(backend, ...inputs)) return undefined;
  const [first, ...others] = inputs;
  const out = backend.allocate('AddN', backend.floats(first!).length, 'float32');
  out.values.set(backend.floats(first!));
  const info: TensorInfo = { dataId: out.dataId, shape: first!.shape, dtype: 'float32' };
  for (const other of others) computeInPlace(backend, 'add', info, other);
  return info;
}
