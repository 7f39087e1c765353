import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitLink } from '../../src/cluster/fitLink.js';
import { parseCluster } from '../../src/cluster/parse.js';
import { type PairProfile, profileReport } from '../../src/cluster/profile.js';
import { OptionError } from '../../src/errors.js';
import { Rng } from '../../src/rng.js';

const SIZES = Array.from({ length: 9 }, (_, i) => 1024 * 4 ** i);

describe('fitLink', () => {
  it('finds the link that made the samples', () => {
    const property = fc.property(
      fc.double({ min: 1e-7, max: 1e-2, noNaN: true }),
      fc.double({ min: 1e5, max: 1e11, noNaN: true }),
      (latencyS, bandwidthBytesPerS) => {
        const fit = fitLink(SIZES.map((bytes) => ({ bytes, seconds: latencyS + bytes / bandwidthBytesPerS })));
        expect(Math.abs(fit.bandwidthBytesPerS / bandwidthBytesPerS - 1)).toBeLessThan(1e-6);
        // A latency far below the fastest transfer cannot be told from 0 in float64.
        const resolution = 1e-9 * (latencyS + (SIZES[8] ?? 0) / bandwidthBytesPerS);
        expect(Math.abs(fit.latencyS - latencyS)).toBeLessThan(1e-6 * latencyS + resolution);
      },
    );
    fc.assert(property);
  });

  it('weighs errors relatively: 3 % of noise moves neither figure by more than 5 %', () => {
    const noise = new Rng(4);
    const samples = SIZES.map((bytes, i) => ({
      bytes,
      seconds: (50e-6 + bytes / 125e6) * (1 + 0.03 * (2 * noise.uniformAt(i) - 1)),
    }));
    const fit = fitLink(samples);
    expect(Math.abs(fit.latencyS / 50e-6 - 1)).toBeLessThan(0.05);
    expect(Math.abs(fit.bandwidthBytesPerS / 125e6 - 1)).toBeLessThan(0.05);
  });

  it('stays physical: no negative latency, no negative bandwidth', () => {
    const falling = fitLink([
      { bytes: 1000, seconds: 2e-3 },
      { bytes: 2000, seconds: 1e-3 },
    ]);
    expect(falling).toEqual({ latencyS: 1e-3, bandwidthBytesPerS: 2e6 });
    const convex = fitLink([
      { bytes: 1000, seconds: 1e-6 },
      { bytes: 1e6, seconds: 2e-3 },
    ]);
    expect(convex.latencyS).toBe(0);
    expect(convex.bandwidthBytesPerS).toBeGreaterThan(5e8);
  });

  it('refuses what no line fits', () => {
    expect(() => fitLink([])).toThrow(OptionError);
    expect(() =>
      fitLink([
        { bytes: 5, seconds: 1 },
        { bytes: 5, seconds: 2 },
      ]),
    ).toThrow(/two sizes/);
    for (const seconds of [0, -1, Number.NaN, Infinity]) {
      expect(() =>
        fitLink([
          { bytes: 1, seconds },
          { bytes: 2, seconds: 1 },
        ]),
      ).toThrow(OptionError);
    }
  });
});

describe('profileReport', () => {
  const pair = (linkClass: 'intra' | 'inter', latencyS: number, bandwidthBytesPerS: number): PairProfile => ({
    from: 0,
    to: 1,
    linkClass,
    latencyS,
    bandwidthBytesPerS,
    streamBytesPerS: 1,
    samples: [],
  });

  it('takes the median pair of each class and keeps the rest of the cluster', () => {
    const declared = parseCluster('2x2', { interBandwidth: '1Gbps', deviceMemory: '64MB' });
    const report = profileReport(declared, [
      pair('intra', 1e-6, 3e9),
      pair('inter', 50e-6, 100e6),
      pair('inter', 60e-6, 130e6),
      pair('inter', 90e-6, 120.00001e6),
    ]);
    expect(report).toEqual({
      ...declared,
      intraLink: { latencyS: 1e-6, bandwidthBytesPerS: 3e9 },
      interLink: { latencyS: 60e-6, bandwidthBytesPerS: 120e6 },
      links: 'measured',
    });
    expect(profileReport(declared, [pair('intra', 1e-6, 3e9)]).interLink).toEqual(declared.interLink);
  });
});
