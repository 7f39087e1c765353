// Whole rows moved or added by index; the caller has checked the indices.
import { loadTail, storeTail } from './simd';

/** out[i] = x[rows[i]] for `count` rows of `rowBytes` bytes. */
export function gatherRows(x: usize, rowBytes: usize, rows: usize, count: u32, out: usize): void {
  for (const stop = rows + (<usize>count << 2); rows < stop; rows += 4, out += rowBytes) {
    memory.copy(out, x + <usize>load<u32>(rows) * rowBytes, rowBytes);
  }
}

/** out[rows[i]] += x[i], in the order of i. */
export function scatterAddRows(out: usize, rowBytes: usize, rows: usize, count: u32, x: usize): void {
  const tail = <u32>(rowBytes & 15) >> 2;
  const whole = rowBytes & ~15;
  for (const stop = rows + (<usize>count << 2); rows < stop; rows += 4, x += rowBytes) {
    const target = out + <usize>load<u32>(rows) * rowBytes;
    for (let c: usize = 0; c < whole; c += 16) {
      v128.store(target + c, f32x4.add(v128.load(target + c), v128.load(x + c)));
    }
    if (tail) {
      const t = target + whole;
      storeTail(t, f32x4.add(loadTail(t, tail), loadTail(x + whole, tail)), tail);
    }
  }
}
