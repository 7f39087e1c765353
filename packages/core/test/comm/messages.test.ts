import { launch, parseCluster } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

const entry = new URL('../entries/comm.mjs', import.meta.url);
const run = async (shape: string, payload: unknown) =>
  (await launch<unknown, number | number[]>(parseCluster(shape), entry, payload, { engine: 'none' })).results;

describe('messages between threads', () => {
  it('larger than all shared memory stream through it, whoever receives last', async () => {
    // 4 messages of 160 MB each way: more than the arena of 512 MiB.
    const expected = (from: number) => [3, 3, 0, 0, 2, 2, 1, 1].map((tag) => from + tag);
    expect(await run('1x2', { name: 'streams' })).toEqual([expected(1), expected(0)]);
  });

  it('sent without waiting arrive although the sender has returned', async () => {
    expect(await run('1x2', { name: 'flushes' })).toEqual([0, 99 + 1]);
  });
});
