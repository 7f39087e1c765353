import { OptionError, type TrafficRow } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { amortisedAfter } from '../src/compare/summariseRuns.js';
import { type CompareOptions, compareModes } from '../src/index.js';
import { awkwardGraph } from './support/data.js';

const traffic = (setup: number, perEpoch: number): TrafficRow[] => [
  { class: 'inter', phase: 'setup', bytes: setup, headerBytes: 0, messages: 1 },
  { class: 'inter', phase: 'forward', bytes: perEpoch, headerBytes: 0, messages: 1 },
  // Bytes over other links do not count.
  { class: 'intra', phase: 'setup', bytes: 1e6, headerBytes: 0, messages: 1 },
];

describe('amortisedAfter', () => {
  it('is the first epoch from which on the mode has sent no more, found by counting', () => {
    const bytes = fc.integer({ min: 0, max: 20 });
    fc.assert(
      fc.property(bytes, bytes, bytes, bytes, (setup, perEpoch, otherSetup, otherPerEpoch) => {
        const isPaidBack = (epoch: number) => setup + epoch * perEpoch <= otherSetup + epoch * otherPerEpoch;
        const far = 1000;
        let first: number | null = isPaidBack(far) ? far : null;
        while (first !== null && first > 0 && isPaidBack(first - 1)) first--;
        expect(amortisedAfter(traffic(setup, perEpoch), traffic(otherSetup, otherPerEpoch), 'inter')).toBe(first);
      }),
    );
  });
});

describe('compareModes', () => {
  it.each([
    [{ modes: [] }, /at least one mode/],
    [{ modes: ['flx', 'flx'] }, /named once/],
    [{ modes: ['flux'] }, /one of full-graph, flx/],
    [{ modes: ['flx'], rounds: 0 }, /rounds/],
    [{ modes: ['full-graph', 'bns-gcn'], bns: { boundaryRate: 2 } }, /boundaryRate/],
  ])('refuses %j before any rank starts', async (options, message) => {
    const compared = compareModes(awkwardGraph(30, { sparse: false }), options as unknown as CompareOptions);
    await expect(compared).rejects.toThrow(OptionError);
    await expect(compared).rejects.toThrow(message);
  });
});
