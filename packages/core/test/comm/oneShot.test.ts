// The built package: a worker that runs TypeScript does not start on Node 20.
import { launch, parseCluster } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

const entry = new URL('../entries/oneShot.mjs', import.meta.url);

describe('short all-reduces', () => {
  it.each(['1x2', '1x3'])('have the bits of a sum in rank order, however ranks call them, on %s', async (shape) => {
    const run = await launch(parseCluster(shape), entry, { rounds: 6 }, { engine: 'none', timeoutMs: 60_000 });
    for (const checked of run.results) expect(checked).toBe(run.results[0]);
    expect(run.results[0]).toBeGreaterThan(1000);
  });
});
