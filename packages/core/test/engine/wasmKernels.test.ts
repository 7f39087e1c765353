/** The kernels replaced on the wasm engine, against float64 loops on any shape. */
import { initEngine } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

beforeAll(async () => {
  await initEngine({ prefer: 'wasm' });
});

const noise = (n: number, salt: number) => Float32Array.from({ length: n }, (_, i) => Math.sin(i * 12.9898 + salt) * 2);
const size = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: 1, max: 40 }) },
  { weight: 1, arbitrary: fc.constant(0) },
);

describe('wasm matMul', () => {
  it('is the product of every shape, transposition and broadcast batch, and leaves no tensor', () => {
    const property = fc.property(
      fc.record({ m: size, k: size, n: size, ta: fc.boolean(), tb: fc.boolean() }),
      fc.constantFrom(
        [[], []],
        [[3], [3]],
        [[1], [4]],
        [[4], [1]],
        [
          [2, 1],
          [2, 3],
        ],
        [[2, 3], [3]],
      ) as fc.Arbitrary<[number[], number[]]>,
      ({ m, k, n, ta, tb }, [aBatch, bBatch]) => {
        const count = (shape: number[]) => shape.reduce((p, d) => p * d, 1);
        const a = noise(count(aBatch) * m * k, 1);
        const b = noise(count(bBatch) * k * n, 2);
        const before = tf.memory().numTensors;
        const { shape, values } = tf.tidy(() => {
          const c = tf.matMul(
            tf.tensor(a, [...aBatch, ...(ta ? [k, m] : [m, k])]),
            tf.tensor(b, [...bBatch, ...(tb ? [n, k] : [k, n])]),
            ta,
            tb,
          );
          return { shape: c.shape, values: c.dataSync() } as never as { shape: number[]; values: Float32Array };
        });
        expect(tf.memory().numTensors).toBe(before);
        const rank = Math.max(aBatch.length, bBatch.length);
        const pad = (shape: number[]) => [...new Array<number>(rank - shape.length).fill(1), ...shape];
        const [pa, pb] = [pad(aBatch), pad(bBatch)];
        const outBatch = pa.map((d, i) => Math.max(d, pb[i]!));
        expect(shape).toEqual([...outBatch, m, n]);
        const expected = new Float64Array(count(outBatch) * m * n);
        for (let z = 0, at = 0; z < count(outBatch); z++) {
          const index = (own: number[]) => {
            let flat = 0;
            for (let i = 0, rest = z; i < rank; i++) {
              const inner = count(outBatch.slice(i + 1));
              flat = flat * own[i]! + (own[i] === 1 ? 0 : Math.floor(rest / inner));
              rest %= inner;
            }
            return flat;
          };
          const [az, bz] = [index(pa) * m * k, index(pb) * k * n];
          for (let r = 0; r < m; r++) {
            for (let c = 0; c < n; c++, at++) {
              for (let i = 0; i < k; i++) {
                expected[at]! += a[az + (ta ? i * m + r : r * k + i)]! * b[bz + (tb ? c * k + i : i * n + c)]!;
              }
            }
          }
        }
        expectClose(values, expected, { rtol: 1e-5, atol: 1e-5 * 4 * Math.sqrt(k + 1), why: 'sums of k products ≤ 4' });
      },
    );
    fc.assert(property, { numRuns: 150 });
  });

  it('refuses inner dimensions that differ', () => {
    expect(() => tf.matMul(tf.zeros([3, 2]), tf.zeros([3, 2]), true, true)).toThrow(/inner/i);
  });
});

describe('wasm gather and segment sums', () => {
  it('pick and add rows of any width, and are adjoint', () => {
    const property = fc.property(
      fc.integer({ min: 1, max: 60 }),
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (width, height, picks) => {
        const rows = Int32Array.from(picks, (p) => p % height);
        const x = noise(height * width, 3);
        const dy = noise(rows.length * width, 4);
        const [gathered, summed] = tf.tidy(() => {
          const index = tf.tensor1d(rows, 'int32');
          const g = tf.gather(tf.tensor2d(x, [height, width]), index);
          const s = tf.unsortedSegmentSum(tf.tensor2d(dy, [rows.length, width]), index, height);
          return [g.dataSync(), s.dataSync()] as never as [Float32Array, Float32Array];
        });
        const expected = new Float64Array(height * width);
        for (const [i, r] of rows.entries()) {
          expect(gathered.slice(i * width, (i + 1) * width)).toEqual(x.slice(r * width, (r + 1) * width));
          for (let c = 0; c < width; c++) expected[r * width + c]! += dy[i * width + c]!;
        }
        expectClose(summed, expected, { rtol: 1e-5, atol: 1e-5 });
      },
    );
    fc.assert(property);
  });

  it('keeps integers, drops segments out of range, refuses indices out of range', () => {
    const ids = tf.tensor1d([0, 5, -1, 0], 'int32');
    const sum = tf.unsortedSegmentSum(tf.tensor1d([16777217, 1, 1, 2], 'int32'), ids, 2);
    expect([...sum.dataSync()]).toEqual([16777219, 0]);
    expect([...tf.gather(tf.tensor1d([16777217, 7], 'int32'), [1, 0]).dataSync()]).toEqual([7, 16777217]);
    expect(() => tf.gather(tf.tensor1d([1, 2]), tf.tensor1d([2], 'int32'))).toThrow(/2/);
    tf.dispose([ids, sum]);
  });
});

describe('wasm tile and leading sums', () => {
  it('repeat and add as loops do', () => {
    const dims = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });
    const property = fc.property(
      dims,
      fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
      (shape, r) => {
        const reps = r.slice(0, shape.length);
        const n = shape.reduce((p, d) => p * d, 1);
        const x = noise(n, 5);
        const [tiled, sum, mean] = tf.tidy(() => {
          const t = tf.tensor(x, shape);
          return [
            tf.tile(t, reps).dataSync(),
            tf.sum(t, 0).dataSync(),
            tf.mean(t, 0).dataSync(),
          ] as never as Float32Array[];
        }) as [Float32Array, Float32Array, Float32Array];
        const outShape = shape.map((d, i) => d * reps[i]!);
        tiled.forEach((v, flat) => {
          let rest = flat;
          let source = 0;
          let stride = 1;
          for (let i = shape.length - 1; i >= 0; i--) {
            source += ((rest % outShape[i]!) % shape[i]!) * stride;
            rest = Math.floor(rest / outShape[i]!);
            stride *= shape[i]!;
          }
          expect(v).toBe(x[source]);
        });
        const inner = n / shape[0]!;
        const expected = new Float64Array(inner);
        for (let i = 0; i < n; i++) expected[i % inner]! += x[i]!;
        expectClose(sum, expected, { atol: 1e-6 });
        expectClose(
          mean,
          expected.map((v) => v / shape[0]!),
          { atol: 1e-6 },
        );
      },
    );
    fc.assert(property);
  });
});
