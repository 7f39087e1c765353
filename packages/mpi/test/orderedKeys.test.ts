import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeOrderedKeys, encodeOrderedKeys } from '../src/group/orderedKeys.js';

/** Oracle: what a NaN-propagating reduction must give. */
const reference = (column: readonly number[], op: 'max' | 'min') =>
  column.some(Number.isNaN) ? NaN : op === 'max' ? Math.max(...column) : Math.min(...column);

describe.each([
  ['Float32Array', Float32Array, fc.float()],
  ['Float64Array', Float64Array, fc.double()],
] as const)('ordered keys of %s', (_, T, number) => {
  it.each(['max', 'min'] as const)('reduce as integers to the NaN-propagating %s', (op) => {
    const property = fc.property(fc.array(number, { minLength: 1, maxLength: 6 }), (column) => {
      const keys = column.map((x) => {
        const data = new T(3).subarray(1, 2); // an offset view
        data[0] = x;
        encodeOrderedKeys(data, op);
        return { data, key: keyOf(data) };
      });
      const winner = keys.reduce((a, b) => ((op === 'max' ? b.key > a.key : b.key < a.key) ? b : a)).data;
      decodeOrderedKeys(winner);
      expect(winner[0]).toBe(reference(Array.from(T.from(column)), op));
    });
    fc.assert(property, {
      examples: [[[NaN, Infinity]], [[-0, 0]], [[0, -0]], [[-Infinity, NaN]], [[5e-324, -5e-324]]],
    });
  });
});

function keyOf(data: Float32Array | Float64Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset);
  return data instanceof Float32Array ? BigInt(view.getInt32(0, true)) : view.getBigInt64(0, true);
}
