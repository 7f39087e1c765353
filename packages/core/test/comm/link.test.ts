import { launch, parseCluster } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emulatedLinks, LinkPorts, linkCells } from '../../src/comm/link.js';

/** Two servers of two devices: ranks 0, 1 and 2, 3. */
function ports(intra: string, inter: string) {
  let nowMs = 1000;
  const cluster = parseCluster('2x2', {
    intraBandwidth: intra,
    intraLatency: '1ms',
    interBandwidth: inter,
    interLatency: '5ms',
  });
  const cells = new BigInt64Array(new SharedArrayBuffer(8 * linkCells(4, 2)));
  const links = new LinkPorts(cells, emulatedLinks(cluster)!, [0, 0, 1, 1], () => nowMs);
  return { links, at: (ms: number) => (nowMs = 1000 + ms), rel: (ms: number) => ms - 1000 };
}

describe('an emulated link', () => {
  it('takes latency + bytes / bandwidth', () => {
    const { links, rel } = ports('1MB/s', '100KB/s');
    expect(rel(links.transfer(0, 1, 10_000))).toBeCloseTo(1 + 10, 6);
    expect(rel(links.transfer(0, 2, 10_000))).toBeCloseTo(5 + 100, 6);
    expect(links.transfer(3, 3, 1e9)).toBe(0);
  });

  it('is shared by all that cross it: a server has one port, a device one inside its server', () => {
    const { links, rel, at } = ports('1MB/s', '100KB/s');
    expect(rel(links.transfer(0, 2, 1000))).toBeCloseTo(5 + 10, 6);
    expect(rel(links.transfer(1, 3, 1000))).toBeCloseTo(5 + 20, 6);
    // The other direction is free: full duplex.
    expect(rel(links.transfer(2, 1, 1000))).toBeCloseTo(5 + 10, 6);
    // So is the inside of the server.
    expect(rel(links.transfer(0, 1, 1000))).toBeCloseTo(1 + 1, 6);
    expect(rel(links.transfer(0, 1, 1000))).toBeCloseTo(1 + 2, 6);
    at(50);
    expect(rel(links.transfer(0, 2, 1000))).toBeCloseTo(50 + 5 + 10, 6);
  });

  it('delays by the slower of both ends', () => {
    const { links, rel } = ports('1MB/s', 'unlimited');
    links.transfer(0, 1, 5000);
    expect(rel(links.transfer(1, 0, 1000))).toBeCloseTo(1 + 1, 6);
    expect(rel(links.transfer(0, 1, 1000))).toBeCloseTo(1 + 6, 6);
  });

  it('with latency only delays each message by it', () => {
    const { links, rel } = ports('unlimited', 'unlimited');
    expect(rel(links.transfer(0, 1, 1e9))).toBeCloseTo(1, 6);
    expect(rel(links.stage([0, 1], [2, 3], () => 1e9))).toBeCloseTo(5, 6);
  });

  it('runs the pairs of a stage at once, and a stage only after the one before', () => {
    const { links, rel } = ports('1MB/s', '100KB/s');
    const all = [0, 1, 2, 3];
    // Each of 4 ranks sends 100 bytes to each other: 4 · 100 bytes leave each server, 200 bytes each device inside.
    const first = links.stage(all, all, () => 100);
    expect(rel(first)).toBeCloseTo(4 + 5, 6);
    const second = links.stage(all, all, () => 100, first);
    // It takes its bytes of the link now, but begins 9 ms from now.
    expect(rel(second)).toBeCloseTo(9 + 4 + 5, 6);
    expect(links.stage([0], [0], () => 100, 7)).toBe(7);
  });

  it('never carries more than its bandwidth, in any order of transfers', () => {
    const transfer = fc.record({
      from: fc.integer({ min: 0, max: 1 }),
      to: fc.integer({ min: 2, max: 3 }),
      bytes: fc.nat(1e6),
    });
    const property = fc.property(fc.array(transfer, { minLength: 1, maxLength: 30 }), (transfers) => {
      const { links, rel } = ports('1MB/s', '100KB/s');
      let sum = 0;
      for (const { from, to, bytes } of transfers) {
        sum += bytes;
        expect(rel(links.transfer(from, to, bytes))).toBeCloseTo(5 + sum / 100, 3);
      }
    });
    fc.assert(property);
  });

  it('is emulated only where the cluster says so', () => {
    expect(emulatedLinks(parseCluster('2x2'))).toBeUndefined();
    const limited = parseCluster('2x2', { interBandwidth: '1Gbps' });
    expect(emulatedLinks(limited)).toEqual({ inter: { nsPerByte: 8, latencyMs: 0 } });
    expect(emulatedLinks({ ...limited, links: 'measured' })).toBeUndefined();
  });
});

describe('transfers on threads', () => {
  const entry = new URL('../entries/comm.mjs', import.meta.url);
  const run = async <T>(shape: string, inter: string, latency: string, payload: unknown) => {
    const cluster = parseCluster(shape, { interBandwidth: inter, interLatency: latency });
    return (await launch<unknown, T>(cluster, entry, payload, { engine: 'none' })).results;
  };
  const best = (times: readonly number[]) => Math.min(...times);

  // Accuracy that the issue states: never early, and within 5 % when the machine lets the ranks run (best of some).
  it.each([
    [1, 100],
    [4, 100],
    [8, 500],
  ])('of %i MiB at %i MB/s take latency + bytes / bandwidth within 5 percent', async (mebibytes, megabytesPerS) => {
    const bytes = mebibytes * 2 ** 20;
    const expected = 2 + bytes / (megabytesPerS * 1000);
    const payload = { name: 'transfers', bytes, rounds: 12 };
    const [begun, ended] = await run<number[]>('2x1', `${megabytesPerS}MB/s`, '2ms', payload);
    const times = ended!.map((end, i) => end - begun![i]!);
    expect(best(times)).toBeGreaterThan(expected * 0.999);
    expect(best(times)).toBeLessThan(expected * 1.05);
  });

  it('of an all-reduce take two stages of its share', async () => {
    const bytes = 4 * 2 ** 20;
    // 2 × 2, flat: in each stage every rank sends half of n to the other server, so n leaves each server.
    const expected = 2 * (1 + bytes / 100_000);
    const [times] = await run<number[]>('2x2', '100MB/s', '1ms', { name: 'reduces', bytes, rounds: 5 });
    expect(best(times!)).toBeGreaterThan(expected * 0.95);
    expect(best(times!)).toBeLessThan(expected * 1.1);
  });

  it('go on while both ranks compute', async () => {
    const payload = { name: 'overlaps', bytes: 2 ** 20, computeMs: 60 };
    // 10.5 ms of transfer behind 60 ms of computing: what is left is a copy.
    for (const waits of await run<number[]>('2x1', '100MB/s', '1ms', payload)) expect(best(waits)).toBeLessThan(8);
  });
});
