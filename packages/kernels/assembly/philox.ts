// Philox4x32-10 on four counters at a time: lane i of each vector belongs to counter i. Same words as src/philox.ts.
// Salmon, Moraes, Dror, Shaw: "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011.

/** The four output words of the four counters; read them at once, the next call overwrites them. */
export let word0 = i32x4.splat(0);
export let word1 = i32x4.splat(0);
export let word2 = i32x4.splat(0);
export let word3 = i32x4.splat(0);

/** Ten rounds over the counters (c0, c1, c2, c3), one per lane, with the key (k0, k1). */
// @ts-ignore: decorator
@inline
export function philox4(k0: u32, k1: u32, c0: v128, c1: v128, c2: v128, c3: v128): void {
  const m0 = i32x4.splat(0xd2511f53);
  const m1 = i32x4.splat(0xcd9e8d57);
  let x0 = c0;
  let x1 = c1;
  let x2 = c2;
  let x3 = c3;
  for (let round = 0; round < 10; round++) {
    const lowA = i64x2.extmul_low_i32x4_u(x0, m0);
    const highA = i64x2.extmul_high_i32x4_u(x0, m0);
    const lowB = i64x2.extmul_low_i32x4_u(x2, m1);
    const highB = i64x2.extmul_high_i32x4_u(x2, m1);
    // Odd 32-bit lanes of the products are their high words, even lanes their low words.
    x0 = v128.xor(v128.xor(v128.shuffle<i32>(lowB, highB, 1, 3, 5, 7), x1), i32x4.splat(k0));
    x1 = v128.shuffle<i32>(lowB, highB, 0, 2, 4, 6);
    x2 = v128.xor(v128.xor(v128.shuffle<i32>(lowA, highA, 1, 3, 5, 7), x3), i32x4.splat(k1));
    x3 = v128.shuffle<i32>(lowA, highA, 0, 2, 4, 6);
    k0 += 0x9e3779b9;
    k1 += 0xbb67ae85;
  }
  word0 = x0;
  word1 = x1;
  word2 = x2;
  word3 = x3;
}
