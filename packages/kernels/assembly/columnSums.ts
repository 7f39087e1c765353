// Sums over rows, per column, in float64.
import { loadLanes } from './lanes';

/** sums[c] = Σ x[r, c] over all rows in ascending order; `sums` float64 `[width rounded up to 4]`. */
export function columnSums(x: usize, rows: u32, width: u32, sums: usize): void {
  const rowBytes = <usize>width << 2;
  memory.fill(sums, 0, ((rowBytes + 15) & ~15) << 1);
  for (let r: u32 = 0; r < rows; r++, x += rowBytes) {
    let s = sums;
    for (let c: usize = 0; c < rowBytes; c += 16, s += 32) {
      const v = loadLanes(x + c, <u32>((rowBytes - c) >> 2));
      v128.store(s, f64x2.add(v128.load(s), f64x2.promote_low_f32x4(v)));
      v128.store(s, f64x2.add(v128.load(s, 16), f64x2.promote_low_f32x4(v128.shuffle<i32>(v, v, 2, 3, 0, 1))), 16);
    }
  }
}
