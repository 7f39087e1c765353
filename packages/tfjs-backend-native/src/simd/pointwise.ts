/**
 * Loops over rows with any number of operands that are rows themselves; see `loops.ts` for the rules they keep.
 *
 * A pointer's rows lie a stride apart, which may be 0 (the same row again) or negative.
 */
import {
  add,
  type Code,
  get,
  I32,
  i32,
  lessThan,
  load,
  loadOne,
  seq,
  set,
  store,
  storeOne,
  sub,
  V128,
  type WasmFunction,
  whileLoop,
} from './wasmCode.js';

/** What one step may do: read pointer `i`, write pointer `i`, and keep values in scratch locals. */
interface Step {
  readonly read: (pointer: number) => number[];
  readonly write: (pointer: number, value: Code) => number[];
  /** A local that holds a vector. */
  readonly scratch: (index: 0 | 1) => number;
}

/** A loop with the parameters: a pointer each, `rows`, `columns`, then a stride in bytes for each pointer. */
export function pointwiseFunction(name: string, pointers: number, compute: (step: Step) => number[]): WasmFunction {
  const all = Array.from({ length: pointers }, (_, i) => i);
  const ROWS = pointers;
  const COLUMNS = pointers + 1;
  const stride = (i: number): number => pointers + 2 + i;
  const parameters = 2 * pointers + 2;
  const at = (i: number): number => parameters + i;
  const LEFT = parameters + pointers;
  const scratch = (index: 0 | 1): number => LEFT + 1 + index;
  const vector = (offset: number): number[] =>
    compute({
      read: (i) => load(get(at(i)), offset),
      write: (i, value) => store(get(at(i)), value, offset),
      scratch,
    });
  const single = compute({
    read: (i) => loadOne(get(at(i))),
    write: (i, value) => storeOne(get(at(i)), value),
    scratch,
  });
  const step = (elements: number): number[] =>
    seq(...all.map((i) => set(at(i), add(get(at(i)), i32(4 * elements)))), set(LEFT, sub(get(LEFT), i32(elements))));
  const row = seq(
    ...all.map((i) => set(at(i), get(i))),
    set(LEFT, get(COLUMNS)),
    whileLoop(lessThan(i32(15), get(LEFT)), seq(...[0, 16, 32, 48].map(vector), step(16))),
    whileLoop(lessThan(i32(3), get(LEFT)), seq(vector(0), step(4))),
    whileLoop(get(LEFT), seq(single, step(1))),
    ...all.map((i) => set(i, add(get(i), get(stride(i))))),
    set(ROWS, sub(get(ROWS), i32(1))),
  );
  return {
    name,
    parameters: new Array<number>(parameters).fill(I32),
    locals: [...all.map(() => I32), I32, V128, V128],
    body: whileLoop(get(ROWS), row),
  };
}
