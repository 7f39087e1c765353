/** Element-wise operators of one operand: SIMD loops where arithmetic suffices, ONNX Runtime for transcendental functions. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import type { OnnxGraph } from '../ort/onnxModel.js';
import type { UnaryOperator } from '../simd/loops.js';
import { areFloat, type NativeKernel, type NativeKernels } from './NativeKernel.js';
import { withScratch } from './scratch.js';

/** Below this many elements a loop over `Math.f` beats a call into ONNX Runtime. Measured: `scripts/thresholds.mjs`. */
const SMALL = 192;

export const unaryKernels: NativeKernels = {
  Neg: simd('Neg', 'neg'),
  Abs: simd('Abs', 'abs'),
  Sqrt: simd('Sqrt', 'sqrt'),
  Square: simd('Square', 'square'),
  Reciprocal: simd('Reciprocal', 'reciprocal'),
  Rsqrt: simd('Rsqrt', 'rsqrt'),
  Floor: simd('Floor', 'floor'),
  Ceil: simd('Ceil', 'ceil'),
  Round: simd('Round', 'round'),
  Relu: simd('Relu', 'relu'),
  Relu6: simd('Relu6', 'clip', () => [0, 6]),
  ClipByValue: simd('ClipByValue', 'clip', (attrs) => [Number(attrs.clipValueMin), Number(attrs.clipValueMax)]),
  LeakyRelu: simd('LeakyRelu', 'leakyRelu', (attrs) => [Number(attrs.alpha), 0]),
  Step: simd('Step', 'step', (attrs) => [Number(attrs.alpha), 0]),
  Sign: simd('Sign', 'sign'),
  Exp: transcendental('Exp', Math.exp),
  Log: transcendental('Log', Math.log),
  Tanh: transcendental('Tanh', Math.tanh),
  Sin: transcendental('Sin', Math.sin),
  Cos: transcendental('Cos', Math.cos),
  Erf: transcendental('Erf', undefined),
  Tan: transcendental('Tan', Math.tan),
  Asin: transcendental('Asin', Math.asin),
  Acos: transcendental('Acos', Math.acos),
  Atan: transcendental('Atan', Math.atan),
  Sinh: transcendental('Sinh', Math.sinh),
  Cosh: transcendental('Cosh', Math.cosh),
  Asinh: transcendental('Asinh', Math.asinh),
  Acosh: transcendental('Acosh', Math.acosh),
  Atanh: transcendental('Atanh', Math.atanh),
  Log1p: composed('Log1p', log1p),
  Expm1: composed('Expm1', expm1),
  Softplus: composed('Softplus', (backend, x, out, size) => {
    // max(x, 0) + log(1 + exp(−|x|)): nothing overflows, and little exponentials keep their digits.
    const { unary, rows } = backend.simd;
    unary.abs(x, out, size, 0, 0);
    unary.neg(out, out, size, 0, 0);
    exponential(backend, out, out, size);
    withScratch(backend.arena, 'Softplus', (scratch) => {
      const tail = scratch.take(size * 4);
      log1p(backend, out, tail, size);
      unary.relu(x, out, size, 0, 0);
      rows.add.both(out, tail, out, 1, size, 0, 0, 0);
    });
  }),
  Selu: composed('Selu', (backend, x, out, size) => {
    backend.simd.unary.clip(x, out, size, -Infinity, 0);
    exponential(backend, out, out, size);
    backend.simd.rows.seluTail.both(x, out, out, 1, size, 0, 0, 0);
  }),
  IsNan: test('IsNan', (backend, x, out, size) => backend.simd.rows.notEqual.both(x, x, out, 1, size, 0, 0, 0)),
  IsInf: test('IsInf', (backend, x, out, size) => compareAbs(backend, 'equal', x, out, size)),
  IsFinite: test('IsFinite', (backend, x, out, size) => compareAbs(backend, 'less', x, out, size)),
  Elu: ({ inputs: { x }, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const source = backend.operand(x, 0);
    const size = backend.floats(x).length;
    const { dataId, values } = backend.allocate('Elu', size, 'float32');
    elu(backend, source, values, size);
    return { dataId, shape: x.shape, dtype: 'float32' };
  },
  Sigmoid: ({ inputs: { x }, backend }) => {
    const out = copyFor(backend, 'Sigmoid', x);
    if (out) sigmoidInPlace(backend, out.values);
    return out?.info;
  },
};

function simd(
  kernel: string,
  operator: UnaryOperator,
  parameters?: (attrs: Readonly<Record<string, unknown>>) => readonly [number, number],
): NativeKernel {
  return ({ inputs: { x }, attrs, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const [p, q] = parameters ? parameters(attrs) : [0, 0];
    const source = backend.operand(x, 0);
    const size = backend.floats(x).length;
    const { dataId, values } = backend.allocate(kernel, size, 'float32');
    backend.simd.unary[operator](source, values.byteOffset, size, p, q);
    return { dataId, shape: x.shape, dtype: 'float32' };
  };
}

function transcendental(op: string, scalar: ((x: number) => number) | undefined): NativeKernel {
  return ({ inputs: { x }, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const source = backend.floats(x);
    const { dataId, values } = backend.allocate(op, source.length, 'float32');
    if (scalar && source.length < SMALL) {
      for (let i = 0; i < source.length; i++) values[i] = scalar(source[i]!);
    } else {
      runUnary(backend, op, backend.address(x.dataId), values.byteOffset, source.length);
    }
    return { dataId, shape: x.shape, dtype: 'float32' };
  };
}

type Fill = (backend: NativeBackend, x: number, out: number, size: number) => void;

/** A kernel made of several loops; `fill` gets addresses in the arena. */
function composed(kernel: string, fill: Fill): NativeKernel {
  return ({ inputs: { x }, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const source = backend.address(x.dataId);
    const size = backend.floats(x).length;
    const { dataId, values } = backend.allocate(kernel, size, 'float32');
    fill(backend, source, values.byteOffset, size);
    return { dataId, shape: x.shape, dtype: 'float32' };
  };
}

/** A kernel that says yes or no of every number. */
function test(kernel: string, fill: Fill): NativeKernel {
  return ({ inputs: { x }, backend }) => {
    if (!areFloat(backend, x)) return undefined;
    const source = backend.address(x.dataId);
    const size = backend.floats(x).length;
    const { dataId, values } = backend.allocate(kernel, size, 'bool');
    fill(backend, source, values.byteOffset, size);
    return { dataId, shape: x.shape, dtype: 'bool' };
  };
}

function compareAbs(backend: NativeBackend, operator: 'equal' | 'less', x: number, out: number, size: number): void {
  withScratch(backend.arena, 'IsFinite', (scratch) => {
    const magnitudes = scratch.take(size * 4);
    backend.simd.unary.abs(x, magnitudes, size, 0, 0);
    const infinity = backend.constant(1, Infinity);
    if (size > 0) backend.simd.rows[operator].scalarB(magnitudes, infinity, out, 1, size, 0, 0, 0);
  });
}

function exponential(backend: NativeBackend, x: number, out: number, size: number): void {
  if (size >= SMALL) {
    runUnary(backend, 'Exp', x, out, size);
    return;
  }
  const [from, to] = [floatsAt(backend, x, size), floatsAt(backend, out, size)];
  for (let i = 0; i < size; i++) to[i] = Math.exp(from[i]!);
}

/**
 * `out = log(1 + x)`; `out` is not `x`. Where 1 + x loses digits of x, the quotient x / ((1 + x) − 1) puts them back.
 * Goldberg: "What every computer scientist should know about floating-point arithmetic", 1991, theorem 4.
 */
function log1p(backend: NativeBackend, x: number, out: number, size: number): void {
  if (size < SMALL) {
    const [from, to] = [floatsAt(backend, x, size), floatsAt(backend, out, size)];
    for (let i = 0; i < size; i++) to[i] = Math.log1p(from[i]!);
    return;
  }
  backend.simd.unary.affine(x, out, size, 1, 1);
  runUnary(backend, 'Log', out, out, size);
  backend.simd.rows.log1pTail.both(x, out, out, 1, size, 0, 0, 0);
}

/** `out = exp(x) − 1`; `out` is not `x`. (u − 1) · (x / log u) with the u that was computed: Kahan's way. */
function expm1(backend: NativeBackend, x: number, out: number, size: number): void {
  if (size < SMALL) {
    const [from, to] = [floatsAt(backend, x, size), floatsAt(backend, out, size)];
    for (let i = 0; i < size; i++) to[i] = Math.expm1(from[i]!);
    return;
  }
  withScratch(backend.arena, 'Expm1', (scratch) => {
    const power = scratch.take(size * 4);
    runUnary(backend, 'Exp', x, power, size);
    runUnary(backend, 'Log', power, out, size);
    backend.simd.expm1Tail(x, power, out, 1, size, 0, 0, 0);
  });
}

const floatsAt = (backend: NativeBackend, at: number, size: number): Float32Array =>
  new Float32Array(backend.arena.memory.buffer, at, size);

/** Runs a unary ONNX operator on `size` elements at address `x`; `out` may be `x`. */
export function runUnary(backend: NativeBackend, op: string, x: number, out: number, size: number): void {
  const dims = [size];
  backend.operators
    .get(op, () => unaryGraph(op), true)
    .input(0, x, dims)
    .run(out, dims);
}

const unaryGraph = (op: string): OnnxGraph => ({
  inputs: { x: 'float32' },
  outputs: { y: 'float32' },
  nodes: [{ op, inputs: ['x'], outputs: ['y'] }],
});

/** `x` where it is positive, else exp(x) − 1, written to an array in the arena. */
function elu(backend: NativeBackend, x: number, out: Float32Array, size: number): void {
  backend.simd.unary.clip(x, out.byteOffset, size, -Infinity, 0);
  if (size < SMALL) for (let i = 0; i < size; i++) out[i] = Math.exp(out[i]!);
  else runUnary(backend, 'Exp', out.byteOffset, out.byteOffset, size);
  backend.simd.rows.eluTail.both(x, out.byteOffset, out.byteOffset, 1, size, 0, 0, 0);
}

/** ELU in place, for an array in the arena. */
export function eluInPlace(backend: NativeBackend, values: Float32Array): void {
  const copy = backend.allocate('Elu', values.length, 'float32');
  elu(backend, values.byteOffset, copy.values, values.length);
  values.set(copy.values);
  backend.disposeData(copy.dataId);
}

/**
 * 1 / (1 + exp(−x)), in place, for an array in the arena.
 *
 * ONNX Runtime's own Sigmoid is 0 from −18 down; this keeps the relative accuracy of exp.
 */
export function sigmoidInPlace(backend: NativeBackend, values: Float32Array): void {
  const { byteOffset, length } = values;
  if (length < SMALL) {
    for (let i = 0; i < length; i++) values[i] = 1 / (1 + Math.exp(-values[i]!));
    return;
  }
  backend.simd.unary.neg(byteOffset, byteOffset, length, 0, 0);
  runUnary(backend, 'Exp', byteOffset, byteOffset, length);
  backend.simd.unary.logisticTail(byteOffset, byteOffset, length, 0, 0);
}

function copyFor(
  backend: NativeBackend,
  kernel: string,
  x: TensorInfo,
): { readonly info: TensorInfo; readonly values: Float32Array } | undefined {
  if (!areFloat(backend, x)) return undefined;
  const source = backend.floats(x);
  const { dataId, values } = backend.allocate(kernel, source.length, 'float32');
  values.set(source);
  return { info: { dataId, shape: x.shape, dtype: 'float32' }, values };
}
