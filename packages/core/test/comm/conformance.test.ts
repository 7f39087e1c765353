import { type ClusterSpec, launch, parseCluster } from '@strata-ml/core';
import { conformanceCases } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

const entry = new URL('../entries/conformance.mjs', import.meta.url);
const options = { engine: 'none', timeoutMs: 30_000 } as const;

const emulated = { bandwidth: '2GB/s', latency: '20us' };
const clusters: readonly (readonly [string, ClusterSpec, boolean])[] = [
  ['1×1', parseCluster('1x1'), false],
  ['1×2', parseCluster('1x2'), true],
  ['2×2', parseCluster('2x2'), false],
  ['[3, 1, 2]', parseCluster({ devicesPerServer: [3, 1, 2] }), false],
  [
    '2×2, all links emulated',
    parseCluster({ servers: 2, devicesPerServer: 2, intraLink: emulated, interLink: emulated }),
    true,
  ],
];

describe('process groups on threads', () => {
  it.each(clusters)('keep every law on %s', async (_name, cluster, checkComm) => {
    const { results } = await launch(cluster, entry, {}, { ...options, checkComm });
    expect(results[0]).toBe(Object.keys(conformanceCases).length);
  });

  it('equal the oracle on random programs, on random clusters', async () => {
    const shape = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });
    const property = fc.asyncProperty(shape, fc.integer(), async (devicesPerServer, programSeed) => {
      await launch(parseCluster({ devicesPerServer }), entry, { programSeed, steps: 60 }, options);
    });
    await fc.assert(property, { numRuns: process.env.STRATA_SOAK === '1' ? 200 : 5 });
  });
});
