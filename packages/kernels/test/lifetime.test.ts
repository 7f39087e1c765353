import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, expect, it } from 'vitest';
import { dropoutSparse, SparseOperator, spmmInto, useKernelMemory } from '../src/index.js';
import { FixedSpace } from './support/FixedSpace.js';

afterEach(() => useKernelMemory(null));

it('an operator that is garbage gives its kernel memory back', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const space = new FixedSpace();
  useKernelMemory(space);
  const forget = () => {
    const values = Float32Array.of(1, 2);
    const op = new SparseOperator({
      rows: 1,
      cols: 2,
      indptr: Int32Array.of(0, 2),
      indices: Int32Array.of(0, 1),
      values,
    });
    const dropped = dropoutSparse(op, Int32Array.of(4), 0.5, [1, 2]);
    for (const o of [op, op.transposed(), dropped, dropped.transposed()]) {
      spmmInto(o, new Float32Array(o.cols), 1, new Float32Array(o.rows));
    }
  };
  forget();
  expect(space.live.size).toBe(10);
  for (let i = 0; i < 50 && space.live.size > 0; i++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(space.live.size).toBe(0);
});
