/** Tiling (which broadcasting uses) by copying whole blocks, instead of element by element through a table of strides. */
import { elements, replaceKernel, wordsOf } from './backend.js';

/** Replaces Tile for 32-bit elements. */
export function replaceTile(): void {
  replaceKernel('Tile', (stock) => (args) => {
    const x = args.inputs.x!;
    const reps = args.attrs.reps as readonly number[];
    if (x.dtype === 'string' || x.dtype === 'bool' || reps.length !== x.shape.length) return stock(args);
    const out = args.backend.makeOutput(
      x.shape.map((n, i) => n * reps[i]!),
      x.dtype,
    );
    if (elements(out.shape) === 0) return out;
    const from = wordsOf(args.backend, x);
    const to = wordsOf(args.backend, out);
    tileAxis(from, 0, to, 0, x.shape, reps, 0);
    return out;
  });
}

/** Writes the tiled block of axes `axis…` and returns how many words it wrote. */
function tileAxis(
  from: Int32Array,
  source: number,
  to: Int32Array,
  target: number,
  shape: readonly number[],
  reps: readonly number[],
  axis: number,
): number {
  if (axis === shape.length) {
    to[target] = from[source]!;
    return 1;
  }
  const inner = elements(shape.slice(axis + 1));
  let at = target;
  if (reps.slice(axis + 1).every((r) => r === 1)) {
    // Nothing is repeated further in: this axis and all below are one block.
    const block = shape[axis]! * inner;
    to.set(from.subarray(source, source + block), at);
    at += block;
  } else {
    for (let i = 0; i < shape[axis]!; i++) at += tileAxis(from, source + i * inner, to, at, shape, reps, axis + 1);
  }
  const once = at - target;
  if (once === 1) to.fill(to[target]!, target, target + reps[axis]!);
  else for (let r = 1; r < reps[axis]!; r++) to.copyWithin(target + r * once, target, at);
  return once * reps[axis]!;
}
