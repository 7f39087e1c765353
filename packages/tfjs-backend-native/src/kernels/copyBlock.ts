/** Copies an n-dimensional block between two dense arrays, in runs as long as the shapes allow. */

/** Below this many elements a loop is faster than `TypedArray.set` of a subarray; an estimate. */
const SHORT_RUN = 48;

/** Arrays of equal type. */
export type Elements = Float32Array | Int32Array | Uint8Array;

/**
 * Copies a block of `size` from `source` (dense, `sourceShape`) at `sourceBegin` to `target` (dense, `targetShape`) at
 * `targetBegin`. All lists have the same length.
 */
export function copyBlock(
  source: Elements,
  sourceShape: readonly number[],
  sourceBegin: readonly number[],
  target: Elements,
  targetShape: readonly number[],
  targetBegin: readonly number[],
  size: readonly number[],
): void {
  if (size.includes(0)) return;
  // The longest suffix of dimensions that is whole in both arrays makes one run, together with the one before it.
  let split = size.length - 1;
  while (split > 0 && size[split] === sourceShape[split] && size[split] === targetShape[split]) split--;
  let run = 1;
  for (let i = Math.max(0, split); i < size.length; i++) run *= size[i]!;
  const sourceStrides = stridesOf(sourceShape);
  const targetStrides = stridesOf(targetShape);
  let from = 0;
  let to = 0;
  for (let i = 0; i < size.length; i++) {
    from += sourceBegin[i]! * sourceStrides[i]!;
    to += targetBegin[i]! * targetStrides[i]!;
  }
  const visit = (depth: number, fromAt: number, toAt: number): void => {
    if (depth >= split) {
      copyRun(source, fromAt, target, toAt, run);
      return;
    }
    if (depth === split - 1) {
      copyRuns(source, fromAt, sourceStrides[depth]!, target, toAt, targetStrides[depth]!, size[depth]!, run);
      return;
    }
    for (let i = 0; i < size[depth]!; i++) {
      visit(depth + 1, fromAt + i * sourceStrides[depth]!, toAt + i * targetStrides[depth]!);
    }
  };
  visit(0, from, to);
}

function copyRuns(
  source: Elements,
  from: number,
  fromStep: number,
  target: Elements,
  to: number,
  toStep: number,
  count: number,
  run: number,
): void {
  if (run >= SHORT_RUN) {
    for (let i = 0; i < count; i++) copyRun(source, from + i * fromStep, target, to + i * toStep, run);
    return;
  }
  for (let i = 0; i < count; i++) {
    const fromAt = from + i * fromStep;
    const toAt = to + i * toStep;
    for (let j = 0; j < run; j++) target[toAt + j] = source[fromAt + j]!;
  }
}

/** `target[to, to + run) = source[from, from + run)` */
export function copyRun(source: Elements, from: number, target: Elements, to: number, run: number): void {
  if (run >= SHORT_RUN) {
    target.set(source.subarray(from, from + run), to);
    return;
  }
  for (let j = 0; j < run; j++) target[to + j] = source[from + j]!;
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}
