/** Link profiles on the thread transport: the built package, since ranks are worker threads. */
import { launch, OptionError, type PairProfile, parseCluster, profileReport, RankFailedError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';

const entry = new URL('../entries/profileEntry.mjs', import.meta.url);

describe('profileCluster', () => {
  it('measures every pair once, the same on all ranks, and never faster than an emulated link is', async () => {
    const cluster = parseCluster('2x2', { interBandwidth: '400Mbps', interLatency: '1ms' });
    const sizes = [262_144, 1024, 1_048_576];
    const { results, traffic } = await launch<object, PairProfile[]>(
      cluster,
      entry,
      { sizes, repeats: 1, streamMessages: 2 },
      { engine: 'none' },
    );
    for (const profiles of results) expect(profiles).toEqual(results[0]);
    const profiles = results[0] ?? [];
    expect(profiles.map((p) => [p.from, p.to, p.linkClass])).toEqual([
      [0, 1, 'intra'],
      [0, 2, 'inter'],
      [0, 3, 'inter'],
      [1, 2, 'inter'],
      [1, 3, 'inter'],
      [2, 3, 'intra'],
    ]);
    for (const { linkClass, samples, streamBytesPerS } of profiles) {
      expect(samples.map((s) => s.bytes)).toEqual([1024, 262_144, 1_048_576]);
      if (linkClass === 'intra') continue;
      // The machine may be slower than the link, the link never faster than its figures (5 % for its clock).
      for (const s of samples) expect(s.seconds).toBeGreaterThan(0.95 * (1e-3 + s.bytes / 50e6));
      expect(streamBytesPerS).toBeLessThan(1.05 * 50e6);
    }
    // Payload between servers: 4 pairs × (1 + 4·1 or 1 + 1 round trips, the stream, its acknowledgement) + broadcasts.
    const sent = traffic
      .filter((r) => r.phase === 'profile' && r.class === 'inter')
      .reduce((sum, r) => sum + r.bytes, 0);
    const perPair = 2 * 5 * 1024 + 2 * 2 * (262_144 + 1_048_576) + 2 * 1_048_576 + 1;
    expect(sent).toBeGreaterThanOrEqual(4 * perPair);
    expect(sent).toBeLessThan(4 * perPair + 10_000);
    const report = profileReport(cluster, profiles);
    expect(report.links).toBe('measured');
    expect(report.interLink.bandwidthBytesPerS).toBeGreaterThan(0);
    expect(parseCluster(report)).toEqual(report);
  });

  it.each([
    [{ sizes: [1024] }, 'sizes'],
    [{ repeats: 0 }, 'repeats'],
  ])('refuses %j before it measures', async (options, name) => {
    const failed = await launch(parseCluster('1x2'), entry, options, { engine: 'none' }).catch((e: unknown) => e);
    expect(failed).toBeInstanceOf(RankFailedError);
    expect((failed as RankFailedError).cause).toBeInstanceOf(OptionError);
    expect(String((failed as RankFailedError).cause)).toContain(name);
  });
});
