import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { describeCluster, formatCluster, placeRank, worldSizeOf } from '../../src/cluster/Cluster.js';
import { clusterToYaml, loadCluster, readClusterFile, writeClusterFile } from '../../src/cluster/file.js';
import { parseCluster } from '../../src/cluster/parse.js';
import { DataError, OptionError } from '../../src/errors.js';

const FILE = `servers: 2
devicesPerServer: [2, 3]
intraLink: { bandwidth: 100Gbps, latency: 2us }
interLink: { bandwidth: 1Gbps, latency: 50us }
deviceMemory: 512MB
storage: [ { path: /mnt/ssd0, bandwidth: unlimited } ]
`;

describe('parseCluster', () => {
  it('reads the shorthand, unlimited', () => {
    const cluster = parseCluster('2x4');
    expect(cluster).toEqual({
      devicesPerServer: [4, 4],
      intraLink: { bandwidthBytesPerS: Infinity, latencyS: 0 },
      interLink: { bandwidthBytesPerS: Infinity, latencyS: 0 },
      storage: [],
      links: 'emulated',
    });
    expect(parseCluster(' 3 × 1 ').devicesPerServer).toEqual([1, 1, 1]);
  });

  it('reads YAML, JSON, an object and its own result alike', () => {
    const expected = {
      devicesPerServer: [2, 3],
      intraLink: { bandwidthBytesPerS: 12.5e9, latencyS: 2e-6 },
      interLink: { bandwidthBytesPerS: 125e6, latencyS: 50e-6 },
      deviceMemoryBytes: 512e6,
      storage: [{ path: '/mnt/ssd0', bandwidthBytesPerS: Infinity }],
      links: 'emulated',
    };
    const input = {
      devicesPerServer: [2, 3],
      intraLink: { bandwidth: '100Gbps', latency: '2us' },
      interLink: { bandwidth: '1Gbps', latency: '50us' },
      deviceMemory: '512MB',
      storage: [{ path: '/mnt/ssd0' }],
    };
    expect(parseCluster(FILE)).toEqual(expected);
    expect(parseCluster(JSON.stringify(input))).toEqual(expected);
    expect(parseCluster(input)).toEqual(expected);
    expect(parseCluster(parseCluster(FILE))).toEqual(expected);
  });

  it('lays overrides over the file; a changed link is emulated', () => {
    const measured = parseCluster(`${FILE}links: measured`);
    expect(measured.links).toBe('measured');
    const changed = parseCluster(measured, { interBandwidth: '10Gbps', deviceMemory: '1GiB' });
    expect(changed.interLink).toEqual({ bandwidthBytesPerS: 1.25e9, latencyS: 50e-6 });
    expect(changed.intraLink).toEqual(measured.intraLink);
    expect(changed.links).toBe('emulated');
    expect(changed.deviceMemoryBytes).toBe(2 ** 30);
    expect(parseCluster('1x1', { interBandwidth: 5e6, interLatency: 1e-3 }).interLink).toEqual({
      bandwidthBytesPerS: 5e6,
      latencyS: 1e-3,
    });
  });

  it.each([
    ['0x2', 'servers'],
    ['2x0', 'devicesPerServer'],
    ['2x-1', 'devicesPerServer'],
    ['1.5x2', 'servers'],
    ['99999x1', 'servers'],
    ['2x2x2', 'description'],
    ['two by four', 'description'],
    ['', 'description'],
    ['- 1', 'description'],
    ['servers: 0', 'servers'],
    ['servers: two', 'servers'],
    ['devicesPerServer: []', 'servers'],
    ['{ servers: 3, devicesPerServer: [1, 2] }', 'devicesPerServer'],
    ['devicesPerServer: [2, 0]', 'devicesPerServer'],
    ['interLink: { bandwidth: -1Gbps }', 'bandwidth'],
    ['interLink: { bandwidth: 5 }', 'bandwidth'],
    ['interLink: { latency: -2us }', 'latency'],
    ['interLink: 1Gbps', 'interLink'],
    ['deviceMemory: 12', 'size'],
    ['deviceMemory: -1', 'size'],
    ['deviceMemory: 2000PB', 'size'],
    ['storage: [ { path: "" } ]', 'path'],
    ['links: guessed', 'links'],
  ])('refuses %s, naming %s', (text, option) => {
    let thrown: unknown;
    try {
      parseCluster(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(OptionError);
    expect((thrown as OptionError).details.option).toBe(option);
    expect((thrown as OptionError).message).toContain('; ');
  });

  it.each([
    ['intraLnk: {}', 'intraLnk', 'intraLink'],
    ['intraLink: { bandwith: 1Gbps }', 'intraLink.bandwith', 'latency'],
    ['storage: [ { path: /x, size: 3 } ]', 'storage.0.size', 'bandwidth'],
  ])('refuses an unknown key in %s and lists the allowed ones', (text, key, allowed) => {
    expect(() => parseCluster(text)).toThrow(OptionError);
    expect(() => parseCluster(text)).toThrow(key);
    expect(() => parseCluster(text)).toThrow(allowed);
  });

  it('says where broken YAML breaks', () => {
    expect(() => parseCluster('servers: [1')).toThrow(DataError);
    expect(() => parseCluster('servers: [1')).toThrow(/line 1/);
  });
});

describe('placeRank', () => {
  it('numbers ranks server by server and is inverted by counting', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 6 }), (devicesPerServer) => {
        const cluster = parseCluster({ devicesPerServer });
        const places = devicesPerServer.flatMap((n, server) =>
          Array.from({ length: n }, (_, localRank) => ({ server, localRank })),
        );
        expect(worldSizeOf(cluster)).toBe(places.length);
        expect(places.map((_, rank) => placeRank(cluster, rank))).toEqual(places);
        for (const bad of [-1, places.length, 0.5, Number.NaN]) {
          expect(() => placeRank(cluster, bad)).toThrow(OptionError);
        }
      }),
    );
  });
});

describe('cluster texts', () => {
  it('are short for a shape and whole for people', () => {
    expect(formatCluster(parseCluster('2x4'))).toBe('2x4');
    expect(formatCluster(parseCluster({ devicesPerServer: [2, 3] }))).toBe('[2, 3] devices');
    expect(describeCluster(parseCluster('1x1'))).toBe('1 server × 1 device · inside a server: unlimited');
    expect(describeCluster(parseCluster(FILE))).toBe(
      '2 servers with 2, 3 devices · inside a server: 100Gbps, 2us (emulated) · ' +
        'between servers: 1Gbps, 50us (emulated) · 488 MiB per device',
    );
  });
});

describe('cluster files', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strata-cluster-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('come back as they were written', async () => {
    const path = join(folder, 'cluster.yaml');
    for (const cluster of [parseCluster('2x2'), parseCluster(`${FILE}links: measured`)]) {
      await writeClusterFile(path, cluster);
      expect(await readClusterFile(path)).toEqual(cluster);
      expect(await loadCluster(path)).toEqual(cluster);
      expect(await readFile(path, 'utf8')).toBe(clusterToYaml(cluster));
    }
    expect(await readdir(folder)).toEqual(['cluster.yaml']);
    expect(await loadCluster('2x3')).toEqual(parseCluster('2x3'));
  });

  it('that are missing, empty or wrong are refused by name', async () => {
    const path = join(folder, 'cluster.yaml');
    await expect(readClusterFile(path)).rejects.toThrow(OptionError);
    await expect(readClusterFile(path)).rejects.toThrow(/ENOENT/);
    await writeFile(path, ' \n');
    await expect(readClusterFile(path)).rejects.toThrow(/empty/);
    await writeFile(path, 'servers: 0');
    await expect(readClusterFile(path)).rejects.toThrow(path);
  });

  it('leave nothing behind where they cannot be written', async () => {
    const path = join(folder, 'no', 'such', 'cluster.yaml');
    await expect(writeClusterFile(path, parseCluster('1x1'))).rejects.toThrow(OptionError);
    expect(await readdir(folder)).toEqual([]);
  });
});
