// The tail of a linear layer: bias and activation in one pass, and their gradient with the sums over rows in one pass.
import { erfForm, slope, tanhForm } from './gelu';
import { loadLanes, storeLanes } from './lanes';

/** Rows whose sums are kept apart: float32 keeps its digits. */
const BLOCK_ROWS: u32 = 64;

/** out = f(z + bias), f: 0 identity, 1 ReLU, 2 GELU by tanh, 3 GELU by erf; `derivative` (GELU) and `bias` may be 0. out may be z. */
export function activate(
  z: usize,
  rows: u32,
  columns: u32,
  bias: usize,
  form: u32,
  out: usize,
  derivative: usize,
): void {
  const bytes = <usize>columns << 2;
  const zero = f32x4.splat(0);
  for (let row: u32 = 0; row < rows; row++, z += bytes, out += bytes) {
    for (let i: usize = 0; i < bytes; i += 16) {
      const lanes = <u32>((bytes - i) >> 2);
      let v = loadLanes(z + i, lanes);
      if (bias) v = f32x4.add(v, loadLanes(bias + i, lanes));
      if (form == 1) v = f32x4.max(v, zero);
      else if (form == 2) v = tanhForm(v);
      else if (form == 3) v = erfForm(v);
      storeLanes(out + i, v, lanes);
      if (derivative) storeLanes(derivative + i, slope, lanes);
    }
    if (derivative) derivative += bytes;
  }
}

/**
 * dz and its column sums. form 0: dz = dy, not written; 1: dy where `other` (the output) > 0; 2: dy · `other` (the
 * derivative). `dz` may be dy.
 */
export function activationGradient(
  dy: usize,
  other: usize,
  form: u32,
  rows: u32,
  columns: u32,
  dz: usize,
  sums: usize,
): void {
  const bytes = <usize>columns << 2;
  const zero = f32x4.splat(0);
  memory.fill(sums, 0, bytes);
  for (let first: u32 = 0; first < rows; first += BLOCK_ROWS) {
    const size = bytes * <usize>min<u32>(BLOCK_ROWS, rows - first);
    for (let c: usize = 0; c < bytes; c += 64) {
      // Sixteen columns at a time: whole cache lines.
      const left = <u32>((bytes - c) >> 2);
      let s0 = zero;
      let s1 = zero;
      let s2 = zero;
      let s3 = zero;
      for (let i = c; i < size; i += bytes) {
        s0 = f32x4.add(s0, pass(dy, other, form, dz, i, left));
        if (left > 4) s1 = f32x4.add(s1, pass(dy, other, form, dz, i + 16, left - 4));
        if (left > 8) s2 = f32x4.add(s2, pass(dy, other, form, dz, i + 32, left - 8));
        if (left > 12) s3 = f32x4.add(s3, pass(dy, other, form, dz, i + 48, left - 12));
      }
      const to = sums + c;
      storeLanes(to, f32x4.add(loadLanes(to, left), s0), left);
      if (left > 4) storeLanes(to + 16, f32x4.add(loadLanes(to + 16, left - 4), s1), left - 4);
      if (left > 8) storeLanes(to + 32, f32x4.add(loadLanes(to + 32, left - 8), s2), left - 8);
      if (left > 12) storeLanes(to + 48, f32x4.add(loadLanes(to + 48, left - 12), s3), left - 12);
    }
    dy += size;
    if (form) {
      other += size;
      dz += size;
    }
  }
}

/** One vector of dz, written if the form is not the identity. */
// @ts-ignore: decorator
@inline
function pass(dy: usize, other: usize, form: u32, dz: usize, at: usize, lanes: u32): v128 {
  let d = loadLanes(dy + at, lanes);
  if (form == 1) d = v128.and(d, f32x4.gt(loadLanes(other + at, lanes), f32x4.splat(0)));
  else if (form == 2) d = f32x4.mul(d, loadLanes(other + at, lanes));
  if (form) storeLanes(dz + at, d, lanes);
  return d;
}
