/** Loops that move 4-byte elements: rows from one stride to another, and transposition in blocks of 4×4. */
import {
  add,
  type Code,
  copyBytes,
  equals,
  get,
  I32,
  i32,
  ifElse,
  lessThan,
  load,
  loadInt,
  loadOne,
  multiply,
  seq,
  set,
  shuffle32,
  store,
  storeOne,
  sub,
  V128,
  type WasmFunction,
  whileLoop,
} from './wasmCode.js';

/** From here on the call that `memory.copy` is costs less than the loop; measured. */
const LONG_RUN = 1024;

/** Widths in bytes that have a loop of their own: pixels of so many channels, and blocks of channels. Measured: 5 × faster. */
const TIGHT_WIDTHS = [4, 16, 32, 64, 128] as const;

/** `copyRows(from, to, rows, bytes, fromRow, toRow)` */
export function copyRowsFunction(): WasmFunction {
  const [IN, OUT, ROWS, BYTES, IN_ROW, OUT_ROW, FROM, TO, LEFT] = [0, 1, 2, 3, 4, 5, 6, 7, 8] as const;
  const step = (bytes: number): number[] =>
    seq(
      set(FROM, add(get(FROM), i32(bytes))),
      set(TO, add(get(TO), i32(bytes))),
      set(LEFT, sub(get(LEFT), i32(bytes))),
    );
  const vectors = (offsets: readonly number[]): number[] =>
    seq(...offsets.map((offset) => store(get(TO), load(get(FROM), offset), offset)));
  const short = seq(
    set(FROM, get(IN)),
    set(TO, get(OUT)),
    set(LEFT, get(BYTES)),
    whileLoop(lessThan(i32(63), get(LEFT)), seq(vectors([0, 16, 32, 48]), step(64))),
    whileLoop(lessThan(i32(15), get(LEFT)), seq(vectors([0]), step(16))),
    whileLoop(get(LEFT), seq(storeOne(get(TO), loadOne(get(FROM))), step(4))),
  );
  const next = seq(
    set(IN, add(get(IN), get(IN_ROW))),
    set(OUT, add(get(OUT), get(OUT_ROW))),
    set(ROWS, sub(get(ROWS), i32(1))),
  );
  const moves = (width: number): number[] => {
    if (width === 4) return storeOne(get(OUT), loadOne(get(IN)));
    const offsets = Array.from({ length: width / 16 }, (_, i) => 16 * i);
    return seq(...offsets.map((offset) => store(get(OUT), load(get(IN), offset), offset)));
  };
  const anyWidth = whileLoop(
    get(ROWS),
    seq(ifElse(lessThan(get(BYTES), i32(LONG_RUN)), short, copyBytes(get(OUT), get(IN), get(BYTES))), next),
  );
  return {
    name: 'copyRows',
    parameters: [I32, I32, I32, I32, I32, I32],
    locals: [I32, I32, I32],
    body: TIGHT_WIDTHS.reduceRight<Code>(
      (other, width) => ifElse(equals(get(BYTES), i32(width)), whileLoop(get(ROWS), seq(moves(width), next)), other),
      anyWidth,
    ),
  };
}

/** `gatherRows(from, to, indices, count, bytes)` */
export function gatherRowsFunction(): WasmFunction {
  const [IN, OUT, INDICES, COUNT, BYTES, FROM, LEFT] = [0, 1, 2, 3, 4, 5, 6] as const;
  const step = (bytes: number): number[] =>
    seq(
      set(FROM, add(get(FROM), i32(bytes))),
      set(OUT, add(get(OUT), i32(bytes))),
      set(LEFT, sub(get(LEFT), i32(bytes))),
    );
  const vectors = (offsets: readonly number[]): number[] =>
    seq(...offsets.map((offset) => store(get(OUT), load(get(FROM), offset), offset)));
  return {
    name: 'gatherRows',
    parameters: [I32, I32, I32, I32, I32],
    locals: [I32, I32],
    body: whileLoop(
      get(COUNT),
      seq(
        set(FROM, add(get(IN), multiply(loadInt(get(INDICES)), get(BYTES)))),
        set(LEFT, get(BYTES)),
        whileLoop(lessThan(i32(63), get(LEFT)), seq(vectors([0, 16, 32, 48]), step(64))),
        whileLoop(lessThan(i32(15), get(LEFT)), seq(vectors([0]), step(16))),
        whileLoop(get(LEFT), seq(storeOne(get(OUT), loadOne(get(FROM))), step(4))),
        set(INDICES, add(get(INDICES), i32(4))),
        set(COUNT, sub(get(COUNT), i32(1))),
      ),
    ),
  };
}

/** `transpose(from, to, rows, columns, fromRow, toRow)`, four columns at a time down all rows. */
export function transposeFunction(): WasmFunction {
  const [IN, OUT, ROWS, COLUMNS, IN_ROW, OUT_ROW, FROM, TO, LEFT, AT] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
  const [R0, R1, R2, R3, S0, S1, S2, S3] = [10, 11, 12, 13, 14, 15, 16, 17] as const;
  const next = (pointer: number, stride: number): number[] => set(pointer, add(get(pointer), get(stride)));
  const interleave = (to: number, a: number, b: number, lanes: readonly number[]): number[] =>
    set(to, shuffle32(get(a), get(b), lanes));
  const put = (a: number, b: number, lanes: readonly number[]): number[] =>
    seq(store(get(AT), shuffle32(get(a), get(b), lanes)), next(AT, OUT_ROW));
  const [low, high, first, last] = [
    [0, 4, 1, 5],
    [2, 6, 3, 7],
    [0, 1, 4, 5],
    [2, 3, 6, 7],
  ];
  const block = seq(
    ...[R0, R1, R2, R3].map((row) => seq(set(row, load(get(FROM))), next(FROM, IN_ROW))),
    interleave(S0, R0, R1, low!),
    interleave(S1, R2, R3, low!),
    interleave(S2, R0, R1, high!),
    interleave(S3, R2, R3, high!),
    set(AT, get(TO)),
    put(S0, S1, first!),
    put(S0, S1, last!),
    put(S2, S3, first!),
    put(S2, S3, last!),
  );
  const rest = seq(
    set(AT, get(TO)),
    ...[0, 4, 8, 12].map((lane) => seq(storeOne(get(AT), loadOne(get(FROM), lane)), next(AT, OUT_ROW))),
  );
  const down = (rows: number, body: Code): number[] =>
    seq(body, set(TO, add(get(TO), i32(4 * rows))), set(LEFT, sub(get(LEFT), i32(rows))));
  const start = seq(set(FROM, get(IN)), set(TO, get(OUT)), set(LEFT, get(ROWS)));
  const nextColumns = (count: number): number[] =>
    seq(
      set(IN, add(get(IN), i32(4 * count))),
      ...new Array<number[]>(count).fill(next(OUT, OUT_ROW)),
      set(COLUMNS, sub(get(COLUMNS), i32(count))),
    );
  return {
    name: 'transpose',
    parameters: [I32, I32, I32, I32, I32, I32],
    locals: [I32, I32, I32, I32, V128, V128, V128, V128, V128, V128, V128, V128],
    body: seq(
      whileLoop(
        lessThan(i32(3), get(COLUMNS)),
        seq(
          start,
          whileLoop(lessThan(i32(3), get(LEFT)), down(4, block)),
          whileLoop(get(LEFT), down(1, seq(rest, next(FROM, IN_ROW)))),
          nextColumns(4),
        ),
      ),
      whileLoop(
        get(COLUMNS),
        seq(
          start,
          whileLoop(get(LEFT), down(1, seq(storeOne(get(TO), loadOne(get(FROM))), next(FROM, IN_ROW)))),
          nextColumns(1),
        ),
      ),
    ),
  };
}
