/** Copies an n-dimensional block of 4-byte elements between two dense arrays in the arena, in runs as long as possible. */
import type { NativeBackend } from '../NativeBackend.js';

/** A dense array in the arena, and where in it a block begins. */
export interface Place {
  /** First byte of the array. */
  readonly at: number;
  readonly shape: readonly number[];
  readonly begin: readonly number[];
}

/** Copies the block of `size` at `from` to `to`; all lists have the same length. */
export function copyBlock(backend: NativeBackend, from: Place, to: Place, size: readonly number[]): void {
  if (size.includes(0)) return;
  // The longest suffix of dimensions that is whole in both arrays makes one run, together with the one before it.
  let split = size.length - 1;
  while (split > 0 && size[split] === from.shape[split] && size[split] === to.shape[split]) split--;
  let run = 4;
  for (let i = Math.max(0, split); i < size.length; i++) run *= size[i]!;
  const fromStrides = stridesOf(from.shape);
  const toStrides = stridesOf(to.shape);
  let source = from.at;
  let target = to.at;
  for (let i = 0; i < size.length; i++) {
    source += from.begin[i]! * fromStrides[i]!;
    target += to.begin[i]! * toStrides[i]!;
  }
  const { copyRows } = backend.simd;
  const rowsAxis = split - 1;
  if (rowsAxis < 0) {
    copyRows(source, target, 1, run, 0, 0);
    return;
  }
  const visit = (axis: number, fromAt: number, toAt: number): void => {
    if (axis === rowsAxis) {
      copyRows(fromAt, toAt, size[axis]!, run, fromStrides[axis]!, toStrides[axis]!);
      return;
    }
    for (let i = 0; i < size[axis]!; i++) visit(axis + 1, fromAt + i * fromStrides[axis]!, toAt + i * toStrides[axis]!);
  };
  visit(0, source, target);
}

/** In bytes. */
function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 4;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape[i]!;
  }
  return strides;
}
