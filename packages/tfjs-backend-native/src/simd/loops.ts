/**
 * The SIMD loops of this package, generated for one memory.
 *
 * All work in place on arena tensors: addresses are bytes, counts are elements, strides of rows are bytes. Every loop
 * takes 16 elements at a time, then fewer, through the same vector instructions, so the result of an element
 * does not depend on where it stands. `f32x4.max` and `min` hand NaN on, as `Math.max` does.
 */
import { backend_util } from '@tensorflow/tfjs-core';
import { type WasmMemory, wasm } from '../webAssembly.js';
import {
  FORMS,
  type Form,
  P,
  Q,
  reduceFunction,
  rowsFunction,
  selectFunction,
  T0,
  truthFunction,
  unaryFunction,
} from './loopFunctions.js';
import { copyRowsFunction, gatherRowsFunction, transposeFunction } from './moveLoops.js';
import { POINTWISE } from './pointwiseLoops.js';
import { type Code, float, get, seq, set, v, type WasmFunction, wasmModule } from './wasmCode.js';

const t = get(T0);

/** Operators of two float32 operands (`…Int`: int32). Operands may be read several times: they are plain local reads. */
const BINARY = {
  add: v.add,
  sub: v.sub,
  mul: v.mul,
  div: v.div,
  max: v.max,
  min: v.min,
  /** The larger, where a NaN in the second operand is passed over. */
  largerOf: v.largerOf,
  squaredDifference: (x: Code, y: Code) => seq(set(T0, v.sub(x, y)), v.mul(t, t)),
  prelu: (x: Code, alpha: Code) => v.select(v.mul(x, alpha), x, v.lt(x, float(0))),
  /** ELU of x, where e = exp(min(x, 0)). */
  eluTail: (x: Code, e: Code) => v.select(x, v.sub(e, float(1)), v.ge(x, float(0))),
  /** SELU of x, where e = exp(min(x, 0)). */
  seluTail: (x: Code, e: Code) =>
    v.select(
      v.mul(x, float(backend_util.SELU_SCALE)),
      v.mul(v.sub(e, float(1)), float(backend_util.SELU_SCALEALPHA)),
      v.ge(x, float(0)),
    ),
  floorDiv: (x: Code, y: Code) => v.floor(v.div(x, y)),
  /** log(1 + x), where l = log(1 + x) rounded twice: the first rounding is made good. */
  log1pTail: (x: Code, l: Code) =>
    seq(
      set(T0, v.add(x, float(1))),
      v.select(
        v.select(x, l, v.eq(t, float(1))),
        v.div(v.mul(l, x), v.sub(t, float(1))),
        v.or(v.eq(t, float(1)), v.eq(t, float(Infinity))),
      ),
    ),
  addInt: v.addInt,
  subInt: v.subInt,
  mulInt: v.mulInt,
  minInt: v.minInt,
  maxInt: v.maxInt,
  eluGrad: (dy: Code, y: Code) => v.select(dy, v.mul(dy, v.add(y, float(1))), v.ge(y, float(0))),
} as const;

/** Comparisons, whose result is a byte 0 or 1. */
const COMPARE = {
  equal: v.eq,
  notEqual: v.ne,
  less: v.lt,
  lessEqual: v.le,
  greater: v.gt,
  greaterEqual: v.ge,
  equalInt: v.eqInt,
  notEqualInt: v.neInt,
  lessInt: v.ltInt,
  lessEqualInt: v.leInt,
  greaterInt: v.gtInt,
  greaterEqualInt: v.geInt,
} as const;

/** Operators of one operand and two parameters `p`, `q`. */
const p = get(P);
const q = get(Q);
const UNARY = {
  neg: v.neg,
  abs: v.abs,
  sqrt: v.sqrt,
  square: (x: Code) => v.mul(x, x),
  reciprocal: (x: Code) => v.div(float(1), x),
  rsqrt: (x: Code) => v.div(float(1), v.sqrt(x)),
  floor: v.floor,
  ceil: v.ceil,
  round: v.nearest,
  // One instruction each, where f32x4.max takes eight; adding 0 makes −0 positive.
  relu: (x: Code) => v.add(v.largerOf(x, float(0)), float(0)),
  toInt: v.toInt,
  toFloat: v.toFloat,
  clip: (x: Code) => v.min(v.max(x, p), q),
  leakyRelu: (x: Code) => v.select(v.mul(x, p), x, v.lt(x, float(0))),
  sign: (x: Code) => v.or(v.and(v.gt(x, float(0)), float(1)), v.and(v.lt(x, float(0)), float(-1))),
  // NaN ≠ NaN gives all bits set, which is a NaN again.
  step: (x: Code) => v.or(v.select(float(1), p, v.gt(x, float(0))), v.ne(x, x)),
  /** 1 / (1 + x), where x = exp(−input): the tail of the logistic function. */
  logisticTail: (x: Code) => v.div(float(1), v.add(x, float(1))),
  affine: (x: Code) => v.add(v.mul(x, p), q),
  /** √x as a power: −0 gives 0, −∞ gives ∞. */
  rootPower: (x: Code) => v.select(float(Infinity), v.sqrt(v.add(x, float(0))), v.eq(x, float(-Infinity))),
  cube: (x: Code) => v.mul(v.mul(x, x), x),
} as const;

/** What to apply, to what at first, and where NaN is looked for separately the single instruction that passes it over. */
const REDUCE = {
  sum: [v.add, 0, undefined],
  sumInt: [v.addInt, 0, undefined],
  product: [v.mul, 1, undefined],
  max: [v.max, -Infinity, v.largerOf],
  min: [v.min, Infinity, v.smallerOf],
} as const;

/** Names of the operators. */
export type BinaryOperator = keyof typeof BINARY;
export type CompareOperator = keyof typeof COMPARE;
export type UnaryOperator = keyof typeof UNARY;
export type ReduceOperator = keyof typeof REDUCE;

/** `out[r, c] = f(a[r, c], b[r, c])` for rows whose starts lie `…Row` bytes apart. */
export type RowsLoop = (
  a: number,
  b: number,
  out: number,
  rows: number,
  columns: number,
  aRow: number,
  bRow: number,
  outRow: number,
) => void;

type N = number;
type RowsLoop2 = (x: N, t: N, rows: N, columns: N, xRow: N, tRow: N) => void;
/** Pointers, `rows`, `columns`, strides: see `pointwise.ts`. */
type RowsLoop3 = (a: N, b: N, out: N, rows: N, columns: N, aRow: N, bRow: N, outRow: N) => void;
type RowsLoop4 = (x: N, y: N, rest: N, dx: N, rows: N, columns: N, xRow: N, yRow: N, restRow: N, dxRow: N) => void;
type RowsLoop5 = (
  ...args: [
    x: N,
    mean: N,
    factor: N,
    offset: N,
    out: N,
    rows: N,
    columns: N,
    x: N,
    mean: N,
    factor: N,
    offset: N,
    out: N,
  ]
) => void;

/** The loops, bound to a memory. */
export interface SimdLoops {
  readonly rows: Readonly<Record<BinaryOperator | CompareOperator, Readonly<Record<Form, RowsLoop>>>>;
  readonly unary: Readonly<Record<UnaryOperator, (x: number, out: number, n: number, p: number, q: number) => void>>;
  /** Reduces each of `rows` contiguous rows of `columns` elements to one. */
  readonly reduce: Readonly<Record<ReduceOperator, (x: number, out: number, rows: number, columns: number) => void>>;
  /** Copies `rows` runs of `bytes` bytes, a multiple of 4; row starts lie `inRow` and `outRow` bytes apart. */
  readonly copyRows: (x: number, out: number, rows: number, bytes: number, inRow: number, outRow: number) => void;
  /** Combines `vectors` times 16 bytes that are truths; writes 0 and 1. */
  readonly truth: Readonly<Record<'and' | 'or' | 'xor', (a: N, b: N, out: N, vectors: N) => void>>;
  /** Copies the rows of `bytes` bytes that `count` int32 indices name, one after the other. */
  readonly gatherRows: (x: number, out: number, indices: number, count: number, bytes: number) => void;
  /** `out[c, r] = x[r, c]`, 4-byte elements; rows of `x` lie `inRow` bytes apart, those of `out` `outRow`. */
  readonly transpose: (x: number, out: number, rows: number, columns: number, inRow: number, outRow: number) => void;
  /** `out += a · b`, row by row; strides in bytes. */
  readonly multiplyAdd: RowsLoop3;
  /** `out = (x − mean) · factor + offset`, row by row; strides in bytes. */
  readonly normalise: RowsLoop5;
  /** Where `x` equals the maximum `y`, moves what is left of its gradient from `rest` to `dx`, row by row. */
  readonly claimMaximum: RowsLoop4;
  /** `out = a + (b − a) · share`, row by row. */
  readonly mix: RowsLoop4;
  /** eˣ − 1 into `l`, where u = eˣ and l = log u. */
  readonly expm1Tail: RowsLoop3;
  /** `x += bias`, then the argument of GELU's tanh into `out`, row by row. */
  readonly geluArgument: RowsLoop3;
  /** `x = gelu(x)`, where `t` is its tanh. */
  readonly geluOfTanh: RowsLoop2;
  /** The same; `t` becomes the derivative. */
  readonly geluAndSlope: RowsLoop2;
  /** `out = condition ? a : b`, element by element; the condition is bytes. */
  readonly select: (condition: number, a: number, b: number, out: number, n: number) => void;
}

/** Compiles the loops for a memory; about 10 ms once per thread. */
export function createSimdLoops(memory: WasmMemory): SimdLoops {
  const functions: WasmFunction[] = [
    selectFunction(),
    copyRowsFunction(),
    gatherRowsFunction(),
    truthFunction('and', v.and),
    truthFunction('or', v.or),
    truthFunction('xor', v.xor),
    transposeFunction(),
    ...POINTWISE,
  ];
  for (const form of FORMS) {
    for (const [name, op] of Object.entries(BINARY)) functions.push(rowsFunction(`${name} ${form}`, op, form, false));
    for (const [name, op] of Object.entries(COMPARE)) functions.push(rowsFunction(`${name} ${form}`, op, form, true));
  }
  for (const [name, op] of Object.entries(UNARY)) functions.push(unaryFunction(name, op));
  for (const [name, [op, start, fast]] of Object.entries(REDUCE)) {
    functions.push(reduceFunction(`reduce ${name}`, op, start, fast));
  }
  const pages = memory.buffer.byteLength / 65536;
  const module = new wasm.Module(wasmModule(functions, pages));
  const { exports } = new wasm.Instance(module, { env: { memory } });
  const rowsOf = (name: string) => Object.fromEntries(FORMS.map((form) => [form, exports[`${name} ${form}`]]));
  const pick = (names: object, toExport: (name: string) => unknown) =>
    Object.fromEntries(Object.keys(names).map((name) => [name, toExport(name)]));
  // The exports have exactly the signatures that the functions below give them.
  return {
    rows: pick({ ...BINARY, ...COMPARE }, rowsOf),
    unary: pick(UNARY, (name) => exports[name]),
    reduce: pick(REDUCE, (name) => exports[`reduce ${name}`]),
    select: exports.select,
    copyRows: exports.copyRows,
    gatherRows: exports.gatherRows,
    truth: pick({ and: 0, or: 0, xor: 0 }, (name) => exports[name]),
    transpose: exports.transpose,
    ...Object.fromEntries(POINTWISE.map(({ name }) => [name, exports[name]])),
  } as unknown as SimdLoops;
}
