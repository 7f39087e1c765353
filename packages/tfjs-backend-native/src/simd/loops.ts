/**
 * The SIMD loops of this package, generated for one memory.
 *
 * All work in place on arena tensors: addresses are bytes, counts are elements, strides of rows are bytes. Every loop
 * takes 16 elements at a time, then fewer, through the same vector instructions, so the result of an element
 * does not depend on where it stands. `f32x4.max` and `min` hand NaN on, as `Math.max` does.
 */
import { type WasmMemory, wasm } from '../webAssembly.js';
import { copyRowsFunction, transposeFunction } from './moveLoops.js';
import { pointwiseFunction } from './pointwise.js';
import {
  add,
  bytes16,
  type Code,
  F32,
  float,
  get,
  I32,
  i32,
  lane,
  lessThan,
  load,
  loadByteSplat,
  loadOne,
  loadSplat,
  seq,
  set,
  splat,
  store,
  storeByte,
  storeOne,
  sub,
  V128,
  v,
  type WasmFunction,
  wasmModule,
  whileLoop,
} from './wasmCode.js';

// Scratch locals that an operator may use, the same numbers in every loop.
const T0 = 16;
const P = 17;
const Q = 18;
const t = get(T0);

/** Operators of two float32 operands. Operands may be read several times: they are plain local reads. */
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
  relu: (x: Code) => v.max(x, float(0)),
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

const REDUCE = { sum: [v.add, 0], product: [v.mul, 1], max: [v.max, -Infinity], min: [v.min, Infinity] } as const;

/** Loops with more operands: how many, and what they do with one vector of each. */
const POINTWISE = [
  /** `out += a · b` for the pointers a, b, out. */
  pointwiseFunction('multiplyAdd', 3, ({ read, write }) => write(2, v.add(read(2), v.mul(read(0), read(1))))),
  /** `out = (x − mean) · factor + offset` for the pointers x, mean, factor, offset, out. */
  pointwiseFunction('normalise', 5, ({ read, write }) =>
    write(4, v.add(v.mul(v.sub(read(0), read(1)), read(2)), read(3))),
  ),
  /**
   * Where x is the maximum y of its window, the gradient that is left goes to dx and is used up; for the pointers x, y,
   * rest, dx. The maximum of nothing but −∞ (or NaN) is nobody's.
   */
  pointwiseFunction('claimMaximum', 4, ({ read, write, scratch }) =>
    seq(
      set(scratch(0), v.and(v.eq(read(0), read(1)), v.gt(read(1), float(-Infinity)))),
      set(scratch(1), read(2)),
      write(3, v.add(read(3), v.and(get(scratch(1)), get(scratch(0))))),
      write(2, v.andNot(get(scratch(1)), get(scratch(0)))),
    ),
  ),
];

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

/** Which operand is one element per row instead of a row. */
export type Form = 'both' | 'scalarA' | 'scalarB';
const FORMS: readonly Form[] = ['both', 'scalarA', 'scalarB'];

/** The loops, bound to a memory. */
export interface SimdLoops {
  readonly rows: Readonly<Record<BinaryOperator | CompareOperator, Readonly<Record<Form, RowsLoop>>>>;
  readonly unary: Readonly<Record<UnaryOperator, (x: number, out: number, n: number, p: number, q: number) => void>>;
  /** Reduces each of `rows` contiguous rows of `columns` elements to one. */
  readonly reduce: Readonly<Record<ReduceOperator, (x: number, out: number, rows: number, columns: number) => void>>;
  /** Copies `rows` runs of `bytes` bytes, a multiple of 4; row starts lie `inRow` and `outRow` bytes apart. */
  readonly copyRows: (x: number, out: number, rows: number, bytes: number, inRow: number, outRow: number) => void;
  /** `out[c, r] = x[r, c]`, 4-byte elements; rows of `x` lie `inRow` bytes apart, those of `out` `outRow`. */
  readonly transpose: (x: number, out: number, rows: number, columns: number, inRow: number, outRow: number) => void;
  /** `out += a · b`, row by row; strides in bytes. */
  readonly multiplyAdd: RowsLoop3;
  /** `out = (x − mean) · factor + offset`, row by row; strides in bytes. */
  readonly normalise: RowsLoop5;
  /** Where `x` equals the maximum `y`, moves what is left of its gradient from `rest` to `dx`, row by row. */
  readonly claimMaximum: RowsLoop4;
  /** `out = condition ? a : b`, element by element; the condition is bytes. */
  readonly select: (condition: number, a: number, b: number, out: number, n: number) => void;
}

/** Compiles the loops for a memory; about 10 ms once per thread. */
export function createSimdLoops(memory: WasmMemory): SimdLoops {
  const functions: WasmFunction[] = [selectFunction(), copyRowsFunction(), transposeFunction(), ...POINTWISE];
  for (const form of FORMS) {
    for (const [name, op] of Object.entries(BINARY)) functions.push(rowsFunction(`${name} ${form}`, op, form, false));
    for (const [name, op] of Object.entries(COMPARE)) functions.push(rowsFunction(`${name} ${form}`, op, form, true));
  }
  for (const [name, op] of Object.entries(UNARY)) functions.push(unaryFunction(name, op));
  for (const [name, [op, start]] of Object.entries(REDUCE)) functions.push(reduceFunction(`reduce ${name}`, op, start));
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
    transpose: exports.transpose,
    ...Object.fromEntries(POINTWISE.map(({ name }) => [name, exports[name]])),
  } as unknown as SimdLoops;
}

/** `pointer += bytes` */
const advance = (pointer: number, bytes: number): number[] => set(pointer, add(get(pointer), i32(bytes)));

function rowsFunction(name: string, op: (x: Code, y: Code) => number[], form: Form, toBytes: boolean): WasmFunction {
  const [A, B, OUT, ROWS, COLUMNS, A_ROW, B_ROW, OUT_ROW] = [0, 1, 2, 3, 4, 5, 6, 7] as const;
  const [PA, PB, PO, LEFT, X, Y, Z] = [8, 9, 10, 11, 12, 13, 14] as const;
  const isRowA = form !== 'scalarA';
  const isRowB = form !== 'scalarB';
  // Operators read their operands from locals, so that one that reads twice does not load twice.
  const at = (loader: (address: Code, offset?: number) => number[], offset: number): number[] =>
    seq(
      isRowA ? set(X, loader(get(PA), offset)) : [],
      isRowB ? set(Y, loader(get(PB), offset)) : [],
      op(get(X), get(Y)),
    );
  const step = (elements: number): number[] =>
    seq(
      isRowA ? advance(PA, 4 * elements) : [],
      isRowB ? advance(PB, 4 * elements) : [],
      advance(PO, toBytes ? elements : 4 * elements),
      set(LEFT, sub(get(LEFT), i32(elements))),
    );
  const sixteen = toBytes
    ? seq(
        set(Z, v.narrow32(at(load, 0), at(load, 16))),
        store(get(PO), v.and(v.narrow16(get(Z), v.narrow32(at(load, 32), at(load, 48))), bytes16(1))),
      )
    : seq(...[0, 16, 32, 48].map((offset) => store(get(PO), at(load, offset), offset)));
  const one = toBytes ? storeByte(get(PO), v.and(at(loadOne, 0), bytes16(1))) : storeOne(get(PO), at(loadOne, 0));
  const row = seq(
    set(PA, get(A)),
    set(PB, get(B)),
    set(PO, get(OUT)),
    set(LEFT, get(COLUMNS)),
    isRowA ? [] : set(X, loadSplat(get(PA))),
    isRowB ? [] : set(Y, loadSplat(get(PB))),
    whileLoop(lessThan(i32(15), get(LEFT)), seq(sixteen, step(16))),
    toBytes ? [] : whileLoop(lessThan(i32(3), get(LEFT)), seq(store(get(PO), at(load, 0)), step(4))),
    whileLoop(get(LEFT), seq(one, step(1))),
    set(A, add(get(A), get(A_ROW))),
    set(B, add(get(B), get(B_ROW))),
    set(OUT, add(get(OUT), get(OUT_ROW))),
    set(ROWS, sub(get(ROWS), i32(1))),
  );
  return {
    name,
    parameters: [I32, I32, I32, I32, I32, I32, I32, I32],
    locals: [I32, I32, I32, I32, V128, V128, V128, V128, V128, V128, V128],
    body: whileLoop(get(ROWS), row),
  };
}

function unaryFunction(name: string, op: (x: Code) => number[]): WasmFunction {
  const [IN, OUT, LEFT, P_IN, Q_IN, X] = [0, 1, 2, 3, 4, 5] as const;
  const at = (offset: number): number[] => seq(set(X, load(get(IN), offset)), op(get(X)));
  const step = (elements: number): number[] =>
    seq(advance(IN, 4 * elements), advance(OUT, 4 * elements), set(LEFT, sub(get(LEFT), i32(elements))));
  return {
    name,
    parameters: [I32, I32, I32, F32, F32],
    locals: [V128, V128, V128, V128, V128, V128, V128, V128, V128, V128, V128, V128, V128, V128],
    body: seq(
      set(P, splat(get(P_IN))),
      set(Q, splat(get(Q_IN))),
      whileLoop(
        lessThan(i32(15), get(LEFT)),
        seq(...[0, 16, 32, 48].map((offset) => store(get(OUT), at(offset), offset)), step(16)),
      ),
      whileLoop(get(LEFT), seq(set(X, loadOne(get(IN))), storeOne(get(OUT), op(get(X))), step(1))),
    ),
  };
}

function reduceFunction(name: string, op: (x: Code, y: Code) => number[], start: number): WasmFunction {
  const [IN, OUT, ROWS, COLUMNS, LEFT, S0, S1, S2, S3] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
  const sums = [S0, S1, S2, S3];
  const accumulate = seq(...sums.map((sum, i) => set(sum, op(get(sum), load(get(IN), 16 * i)))));
  const step = (elements: number): number[] => seq(advance(IN, 4 * elements), set(LEFT, sub(get(LEFT), i32(elements))));
  const lanes = [0, 1, 2, 3].map((index) => splat(lane(get(S0), index)));
  const row = seq(
    ...sums.map((sum) => set(sum, float(start))),
    set(LEFT, get(COLUMNS)),
    whileLoop(lessThan(i32(15), get(LEFT)), seq(accumulate, step(16))),
    set(S0, op(op(get(S0), get(S1)), op(get(S2), get(S3)))),
    set(S0, op(op(lanes[0]!, lanes[1]!), op(lanes[2]!, lanes[3]!))),
    whileLoop(get(LEFT), seq(set(S0, op(get(S0), loadSplat(get(IN)))), step(1))),
    storeOne(get(OUT), get(S0)),
    advance(OUT, 4),
    set(ROWS, sub(get(ROWS), i32(1))),
  );
  return {
    name,
    parameters: [I32, I32, I32, I32],
    locals: [I32, V128, V128, V128, V128],
    body: whileLoop(get(ROWS), row),
  };
}

function selectFunction(): WasmFunction {
  const [CONDITION, A, B, OUT, LEFT] = [0, 1, 2, 3, 4] as const;
  const mask = v.isNonZero32(v.widen16(v.widen8(loadOne(get(CONDITION)))));
  const step = (elements: number): number[] =>
    seq(
      advance(CONDITION, elements),
      advance(A, 4 * elements),
      advance(B, 4 * elements),
      advance(OUT, 4 * elements),
      set(LEFT, sub(get(LEFT), i32(elements))),
    );
  const single = v.isNonZero32(v.widen16(v.widen8(loadByteSplat(get(CONDITION)))));
  return {
    name: 'select',
    parameters: [I32, I32, I32, I32, I32],
    locals: [],
    body: seq(
      whileLoop(lessThan(i32(3), get(LEFT)), seq(store(get(OUT), v.select(load(get(A)), load(get(B)), mask)), step(4))),
      whileLoop(get(LEFT), seq(storeOne(get(OUT), v.select(loadOne(get(A)), loadOne(get(B)), single)), step(1))),
    ),
  };
}
