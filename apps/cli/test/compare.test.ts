import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { problemOf, strata } from './run.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strata-cli-compare-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const karate = ['gnn', 'compare', '--data', 'karate', '--hidden', '8', '--epochs', '3', '--cluster', '2x1'];

describe('gnn compare', () => {
  it('reports each mode as gnn train does, and writes a page that fetches nothing', async () => {
    const page = join(folder, 'page.html');
    const flags = ['--modes', 'full-graph,flx', '--inter-bandwidth', '1Gbps', '--round-epochs', '2'];
    const { code, stdout, stderr } = await strata([...karate, ...flags, '--report', page, '--json', '-']);
    expect(code, stderr).toBe(0);
    const { metrics, labels, status, timeline } = JSON.parse(stdout);
    expect([status, labels.links]).toEqual(['ok', 'emulated']);
    const [full, flx] = metrics.modes;
    expect([full.mode, flx.mode]).toEqual(['full-graph', 'flx']);
    for (const mode of metrics.modes) {
      for (const part of ['compute', 'intra', 'inter', 'gradient', 'sampling']) {
        expect(mode.parts[part], part).toBeTypeOf('number');
      }
      expect(mode.peakDeviceBytes).toHaveLength(2);
      expect(mode.testAccuracy).toBeTypeOf('number');
      // Three epochs of the first round, two of the second: none of them timed apart from warm-up.
      expect(mode.epochSeconds.count).toBe(5);
      expect(mode.trace).toBeUndefined();
    }
    // The second round runs in the opposite order.
    const order = (mode: typeof full) => mode.runs.map((run: { position: number }) => run.position);
    expect([order(full), order(flx)]).toEqual([
      [1, 2],
      [2, 1],
    ]);
    expect(full).toMatchObject({ speedup: 1, amortisedAfterEpochs: 0 });
    const { preload } = flx;
    expect(preload.interBytes).toBe(preload.predicted.interBytes);
    expect(flx.setupBytes.interBytes).toBeGreaterThan(preload.interBytes);
    const sent = (mode: typeof full) =>
      mode.traffic.reduce(
        (sum: number, row: { class: string; phase: string; bytes: number }) =>
          sum + (row.class === 'inter' && row.phase !== 'setup' ? row.bytes : 0),
        0,
      );
    // By definition the first epoch at which the sums of bytes meet.
    const total = (mode: typeof full, epochs: number) => mode.setupBytes.interBytes + epochs * sent(mode);
    const epochs = flx.amortisedAfterEpochs;
    expect(total(flx, epochs)).toBeLessThanOrEqual(total(full, epochs));
    expect(total(flx, epochs - 1)).toBeGreaterThan(total(full, epochs - 1));
    expect(timeline.modes.map((mode: { epochs: unknown[] }) => mode.epochs.length)).toEqual([3, 3]);

    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/<script|<link|<img|<iframe|\bsrc=|href=|url\(|@import/i);
    expect(
      [...html.matchAll(/https?:\/\/[^"'\s<]+/g)].filter(([url]) => !url.startsWith('http://www.w3.org/')),
    ).toEqual([]);
    expect(html).toContain('links emulated');
    // Accuracy, time, bytes, a timeline per mode, the partition.
    expect(html.match(/<svg/g)).toHaveLength(6);
    expect(html).not.toMatch(/NaN|undefined|null"/);
  });

  it('refuses unknown and repeated modes before it trains', async () => {
    const unknown = await strata([...karate, '--modes', 'full-graph,flux']);
    expect([unknown.code, problemOf(unknown).cause]).toEqual([2, expect.stringContaining('flux')]);
    const twice = await strata([...karate, '--modes', 'flx,flx']);
    expect([twice.code, problemOf(twice).cause]).toEqual([2, expect.stringContaining('named once')]);
  });
});
