/** Random matrices for properties, with what breaks kernels: empty rows, repeated columns, hubs, odd widths, zeros. */
import fc from 'fast-check';
import type { Csr } from '../../src/csr.js';

const value = fc.oneof(
  { weight: 8, arbitrary: fc.float({ min: -4, max: 4, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1e-42, 1) },
);

/** float32 array of n values. */
export const floats = (n: number): fc.Arbitrary<Float32Array> =>
  fc.array(value, { minLength: n, maxLength: n }).map((a) => Float32Array.from(a));

/** A CSR matrix of up to 12 × 12; rows hold 0 … 6 entries, now and then 40; values absent in one of four. */
export const csr: fc.Arbitrary<Csr> = fc
  .record({ rows: fc.nat(12), cols: fc.integer({ min: 1, max: 12 }) })
  .chain(({ rows, cols }) =>
    fc
      .record({
        lists: fc.array(
          fc.oneof(
            { weight: 9, arbitrary: fc.array(fc.nat(cols - 1), { maxLength: 6 }) },
            { weight: 1, arbitrary: fc.array(fc.nat(cols - 1), { minLength: 40, maxLength: 40 }) },
          ),
          { minLength: rows, maxLength: rows },
        ),
        weighted: fc.integer({ min: 0, max: 3 }),
      })
      .chain(({ lists, weighted }) => {
        const indices = Int32Array.from(lists.flat());
        const indptr = new Int32Array(rows + 1);
        for (let r = 0; r < rows; r++) indptr[r + 1] = indptr[r]! + lists[r]!.length;
        const structure = { rows, cols, indptr, indices };
        return weighted === 0
          ? fc.constant(structure)
          : floats(indices.length).map((values) => ({ ...structure, values }));
      }),
  );

/** Widths that reach every block of the kernels and every tail. */
export const width = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(16, 17, 31, 32, 47, 64, 66, 99));

/** The same values as a view into a bigger buffer: a lost offset must fail. */
export const asView = (x: ArrayLike<number>): Float32Array =>
  Float32Array.from([7, 7, 7, ...Array.from(x), 7]).subarray(3, 3 + x.length);

/** The same values over a SharedArrayBuffer. */
export function asShared(x: Float32Array): Float32Array {
  const shared = new Float32Array(new SharedArrayBuffer(4 * x.length + 8), 8, x.length);
  shared.set(x);
  return shared;
}
