/** Slow float64 references over plain arrays: index arithmetic element by element, sharing nothing with the kernels. */

/** A dense array with its shape. */
export interface Dense {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);

/** The coordinates of flat position `index`. */
export function coordinatesOf(index: number, shape: readonly number[]): number[] {
  const at: number[] = [];
  let rest = index;
  for (let i = shape.length - 1; i >= 0; i--) {
    at[i] = rest % shape[i]!;
    rest = Math.floor(rest / shape[i]!);
  }
  return at;
}

/** The flat position of coordinates; missing leading dimensions and those of length 1 broadcast. */
export function flatIndex(at: readonly number[], shape: readonly number[]): number {
  let index = 0;
  const skip = at.length - shape.length;
  for (let i = 0; i < shape.length; i++) index = index * shape[i]! + (shape[i] === 1 ? 0 : at[skip + i]!);
  return index;
}

export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const dimA = a[a.length - rank + i] ?? 1;
    const dimB = b[b.length - rank + i] ?? 1;
    return dimA === 1 ? dimB : dimA;
  });
}

export function binaryOracle(a: Dense, b: Dense, f: (x: number, y: number) => number): number[] {
  const shape = broadcastShape(a.shape, b.shape);
  return Array.from({ length: sizeOf(shape) }, (_, i) => {
    const at = coordinatesOf(i, shape);
    return f(a.data[flatIndex(at, a.shape)]!, b.data[flatIndex(at, b.shape)]!);
  });
}

/** Reduces over `axes` in float64; `f` sees the values of one result. */
export function reduceOracle(x: Dense, axes: readonly number[], f: (values: number[]) => number): number[] {
  const kept = x.shape.map((dim, i) => (axes.includes(i) ? 1 : dim));
  const groups = Array.from({ length: sizeOf(kept) }, (): number[] => []);
  for (let i = 0; i < x.data.length; i++) groups[flatIndex(coordinatesOf(i, x.shape), kept)]!.push(x.data[i]!);
  return groups.map(f);
}

/** `a · b` over the last two dimensions, batches broadcast. */
export function matMulOracle(a: Dense, b: Dense, transposeA: boolean, transposeB: boolean): number[] {
  const last = (shape: readonly number[], i: number): number => shape[shape.length - i]!;
  const rows = last(a.shape, transposeA ? 1 : 2);
  const inner = last(a.shape, transposeA ? 2 : 1);
  const columns = last(b.shape, transposeB ? 2 : 1);
  const batch = broadcastShape(a.shape.slice(0, -2), b.shape.slice(0, -2));
  return Array.from({ length: sizeOf(batch) * rows * columns }, (_, i) => {
    const at = coordinatesOf(i, [...batch, rows, columns]);
    const [row, column] = at.slice(-2) as [number, number];
    const lead = at.slice(0, -2);
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      const x = a.data[flatIndex([...lead, ...(transposeA ? [k, row] : [row, k])], a.shape)]!;
      const y = b.data[flatIndex([...lead, ...(transposeB ? [column, k] : [k, column])], b.shape)]!;
      sum += x * y;
    }
    return sum;
  });
}

/** Uniform in (−1, 1), the same for the same seed (mulberry32). */
export function uniform(size: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  });
}
