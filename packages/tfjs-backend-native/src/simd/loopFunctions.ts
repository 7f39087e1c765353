/** The shapes of loops that `loops.ts` fills with operators: over rows, over elements, over rows into one number each. */
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
  whileLoop,
} from './wasmCode.js';
/** Scratch local that an operator may use, the same number in every loop; the locals of its two parameters. */
export const T0 = 16;
export const P = 17;
export const Q = 18;

/** Which operand is one element per row instead of a row. */
export type Form = 'both' | 'scalarA' | 'scalarB';
export const FORMS: readonly Form[] = ['both', 'scalarA', 'scalarB'];

/** `pointer += bytes` */
const advance = (pointer: number, bytes: number): number[] => set(pointer, add(get(pointer), i32(bytes)));

/** `f(a, b, out, rows, columns, aRow, bRow, outRow)`; with `toBytes` the result is a mask, kept as bytes 0 and 1. */
export function rowsFunction(
  name: string,
  op: (x: Code, y: Code) => number[],
  form: Form,
  toBytes: boolean,
): WasmFunction {
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

/** `f(x, out, n, p, q)` */
export function unaryFunction(name: string, op: (x: Code) => number[]): WasmFunction {
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

/** `f(x, out, rows, columns)`; `fast` accumulates where NaN, which it passes over, is looked for separately. */
export function reduceFunction(
  name: string,
  op: (x: Code, y: Code) => number[],
  start: number,
  fast: ((x: Code, y: Code) => number[]) | undefined,
): WasmFunction {
  const [IN, OUT, ROWS, COLUMNS, LEFT, S0, S1, S2, S3, X, NANS] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10] as const;
  const sums = [S0, S1, S2, S3];
  const accumulate = seq(
    ...sums.map((sum, i) =>
      fast
        ? seq(
            set(X, load(get(IN), 16 * i)),
            set(sum, fast(get(sum), get(X))),
            set(NANS, v.or(get(NANS), v.ne(get(X), get(X)))),
          )
        : set(sum, op(get(sum), load(get(IN), 16 * i))),
    ),
  );
  const step = (elements: number): number[] => seq(advance(IN, 4 * elements), set(LEFT, sub(get(LEFT), i32(elements))));
  const lanes = [0, 1, 2, 3].map((index) => splat(lane(get(S0), index)));
  const row = seq(
    ...sums.map((sum) => set(sum, float(start))),
    set(NANS, bytes16(0)),
    set(LEFT, get(COLUMNS)),
    whileLoop(lessThan(i32(15), get(LEFT)), seq(accumulate, step(16))),
    // All bits set is a NaN, too.
    set(S0, v.or(op(op(get(S0), get(S1)), op(get(S2), get(S3))), get(NANS))),
    set(S0, op(op(lanes[0]!, lanes[1]!), op(lanes[2]!, lanes[3]!))),
    whileLoop(get(LEFT), seq(set(S0, op(get(S0), loadSplat(get(IN)))), step(1))),
    storeOne(get(OUT), get(S0)),
    advance(OUT, 4),
    set(ROWS, sub(get(ROWS), i32(1))),
  );
  return {
    name,
    parameters: [I32, I32, I32, I32],
    locals: [I32, V128, V128, V128, V128, V128, V128],
    body: whileLoop(get(ROWS), row),
  };
}

/**
 * `out = f(a, b)` for `n` times 16 bytes that are truths: up to 15 bytes more are read and written, which blocks of the
 * arena, being multiples of 64 bytes, have.
 */
export function truthFunction(name: string, op: (x: Code, y: Code) => number[]): WasmFunction {
  const [A, B, OUT, LEFT] = [0, 1, 2, 3] as const;
  const truth = (pointer: number): number[] => v.and(v.neByte(load(get(pointer)), bytes16(0)), bytes16(1));
  return {
    name,
    parameters: [I32, I32, I32, I32],
    locals: [],
    body: whileLoop(
      get(LEFT),
      seq(
        store(get(OUT), op(truth(A), truth(B))),
        ...[A, B, OUT].map((pointer) => advance(pointer, 16)),
        set(LEFT, sub(get(LEFT), i32(1))),
      ),
    ),
  };
}

/** `f(condition, a, b, out, n)` */
export function selectFunction(): WasmFunction {
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
