// Sums (max, min, products) of the blocks of several ranks, in rank order, in shared memory. Compiled to dist/reduce.wasm.
// `table` holds `count` addresses of blocks of n elements; the result goes to `dst`, which may be one of the blocks.
// Floating-point max and min are the IEEE "maximum"/"minimum": NaN wins.

// @ts-ignore: decorator
@inline
function combine<T>(op: i32, a: v128, b: v128): v128 {
  if (op == 0) return v128.add<T>(a, b);
  if (op == 1) return v128.max<T>(a, b);
  if (op == 2) return v128.min<T>(a, b);
  if (sizeof<T>() == 1) return a; // no 8-bit product; reduce() takes the scalar loop
  else return v128.mul<T>(a, b);
}

// @ts-ignore: decorator
@inline
function combineScalar<T>(op: i32, a: T, b: T): T {
  if (op == 0) return (a + b) as T;
  if (op == 1) {
    if (isFloat<T>()) return max<T>(a, b);
    else return a > b ? a : b;
  }
  if (op == 2) {
    if (isFloat<T>()) return min<T>(a, b);
    else return a < b ? a : b;
  }
  return (a * b) as T;
}

// @ts-ignore: decorator
@inline
function reduce<T>(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  const bytes = (<usize>n) << alignof<T>();
  const wide: usize = sizeof<T>() == 1 && op == 3 ? 0 : bytes & ~(<usize>63);
  const first = load<u32>(table) as usize;
  let i: usize = 0;
  for (; i < wide; i += 64) {
    let a0 = v128.load(first + i, 0);
    let a1 = v128.load(first + i, 16);
    let a2 = v128.load(first + i, 32);
    let a3 = v128.load(first + i, 48);
    for (let k = 1; k < count; k++) {
      const source = (load<u32>(table + (k << 2)) as usize) + i;
      a0 = combine<T>(op, a0, v128.load(source, 0));
      a1 = combine<T>(op, a1, v128.load(source, 16));
      a2 = combine<T>(op, a2, v128.load(source, 32));
      a3 = combine<T>(op, a3, v128.load(source, 48));
    }
    v128.store(dst + i, a0, 0);
    v128.store(dst + i, a1, 16);
    v128.store(dst + i, a2, 32);
    v128.store(dst + i, a3, 48);
  }
  for (; i < bytes; i += sizeof<T>()) {
    let a = load<T>(first + i);
    for (let k = 1; k < count; k++) {
      a = combineScalar<T>(op, a, load<T>((load<u32>(table + (k << 2)) as usize) + i));
    }
    store<T>(dst + i, a);
  }
}

// @ts-ignore: decorator
@inline
function dispatch<T>(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  if (op == 0) reduce<T>(0, dst, table, count, n);
  else if (op == 1) reduce<T>(1, dst, table, count, n);
  else if (op == 2) reduce<T>(2, dst, table, count, n);
  else reduce<T>(3, dst, table, count, n);
}

export function f32_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<f32>(op, dst, table, count, n);
}
export function f64_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<f64>(op, dst, table, count, n);
}
export function i32_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<i32>(op, dst, table, count, n);
}
export function u32_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<u32>(op, dst, table, count, n);
}
export function u16_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<u16>(op, dst, table, count, n);
}
export function u8_(op: i32, dst: usize, table: usize, count: i32, n: i32): void {
  dispatch<u8>(op, dst, table, count, n);
}
