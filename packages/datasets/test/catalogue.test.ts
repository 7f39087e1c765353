import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { OptionError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dataRoots, datasetInfo, listDatasets, verifyDataset } from '../src/index.js';
import { editDistance } from '../src/registry/closest.js';
import { hasRealData, realData, scratch } from './support/dataFolder.js';

describe('the catalogue', () => {
  it('lists every kind of data set, with licence and size, found or not', () => {
    const list = listDatasets({ roots: [] });
    expect(list.length).toBe(34);
    expect(list[0]).toMatchObject({ name: 'karate', location: 'built in', isNodeDataset: true, bytes: 0 });
    const byName = new Map(list.map((d) => [d.name, d]));
    expect(byName.get('cora')).toMatchObject({ kind: 'graph', isNodeDataset: true, location: undefined });
    expect(byName.get('mnist')).toMatchObject({ kind: 'images', isNodeDataset: false });
    expect(byName.get('sp500-ohlc-5yr')).toMatchObject({ kind: 'prices', licence: 'MIT' });
    expect(byName.get('cora')!.bytes).toBeGreaterThan(200_000);
    for (const d of list) expect(`${d.title}${d.content}${d.licence}`).not.toContain('undefined');
  });

  it('describes one: source repository, files, meta.json if it is here', async () => {
    const info = await datasetInfo('cora', { roots: [] });
    expect(info.source).toContain('kimiyoung/planetoid');
    expect(info.files['labels.i32.gz']!.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(info.meta).toBeUndefined();
    await expect(datasetInfo('flikr-social')).rejects.toThrow('did you mean flickr-social?');
    await expect(verifyDataset('toString')).rejects.toThrow(OptionError);
  });

  it('searches STRATA_DATA, then beside every parent folder, then the cache', () => {
    const inner = join(scratch, 'a', 'b', 'c');
    mkdirSync(inner, { recursive: true });
    const beside = join(scratch, 'a', 'shared', 'data');
    mkdirSync(beside, { recursive: true });
    const roots = dataRoots({ STRATA_DATA: 'mine', XDG_CACHE_HOME: '/cache' }, inner);
    expect(roots[0]).toBe(join(inner, 'mine'));
    expect(roots).toContain(beside);
    expect(roots.at(-1)).toBe(join('/cache', 'strata', 'data'));
    expect(dataRoots({ HOME: '/nowhere' }, inner).at(-1)).toMatch(/\.cache.strata.data$/);
  });

  it('edit distance is a metric and counts single edits', () => {
    expect([editDistance('cora', 'corra'), editDistance('', 'abc'), editDistance('kitten', 'sitting')]).toEqual([
      1, 3, 3,
    ]);
    const word = fc.string({ maxLength: 8 });
    const property = fc.property(word, word, word, (a, b, c) => {
      expect(editDistance(a, b)).toBe(editDistance(b, a));
      expect(editDistance(a, b) === 0).toBe(a === b);
      expect(editDistance(a, c)).toBeLessThanOrEqual(editDistance(a, b) + editDistance(b, c));
    });
    fc.assert(property, { numRuns: 100 });
  });
});

describe.skipIf(!hasRealData)('verifyDataset, real data', () => {
  const names = listDatasets({ roots: [realData] }).filter(({ name }) => existsSync(join(realData, name)));

  it('finds every registered file as registered', async () => {
    for (const { name } of names) {
      const { isOk, files } = await verifyDataset(name, { roots: [realData] });
      expect({ name, isOk, bad: files.filter(({ status }) => status !== 'ok') }).toEqual({ name, isOk: true, bad: [] });
    }
  });

  it('accepts a file that was compressed again, and finds a flipped bit and a missing file', async () => {
    const folder = join(scratch, 'copies', 'tiny-shakespeare');
    mkdirSync(folder, { recursive: true });
    const original = readFileSync(join(realData, 'tiny-shakespeare', 'input.txt.gz'));
    const roots = [join(scratch, 'copies')];
    const check = async () => (await verifyDataset('tiny-shakespeare', { roots })).files.map(({ status }) => status);
    expect(await check()).toEqual(['missing']);
    writeFileSync(join(folder, 'input.txt.gz'), gzipSync(gunzipSync(original), { level: 1 }));
    expect(await check()).toEqual(['ok']);
    writeFileSync(join(folder, 'input.txt.gz'), gzipSync('To be'));
    expect(await check()).toEqual(['mismatch']);
    const flipped = Buffer.from(original);
    flipped[1000]! ^= 1;
    writeFileSync(join(folder, 'input.txt.gz'), flipped);
    expect(await check()).toEqual(['mismatch']);
  });
});
