import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { DataError, deserializeError, OptionError, serializeError } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { readPickle } from '../src/fetch/pickle.js';
import { fetchDataset, loadNodeDataset, NetworkError, verifyDataset } from '../src/index.js';
import { hasRealData, realData, scratch } from './support/dataFolder.js';

let made = 0;
const freshRoot = () => {
  const root = join(scratch, `cache${++made}`);
  mkdirSync(root);
  return root;
};
const answer = (make: (url: string) => Response | Promise<Response>) =>
  (async (url: string | URL | Request) => make(String(url))) as typeof globalThis.fetch;

describe('fetchDataset', () => {
  it('says clearly that there is no network, and leaves nothing behind', async () => {
    const root = freshRoot();
    const fetch = answer(() => {
      throw new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND example.org') });
    });
    const run = fetchDataset('cora', { root, roots: [], fetch });
    await expect(run).rejects.toThrow(NetworkError);
    await expect(run).rejects.toThrow(/ind\.cora\.x could not be downloaded \(fetch failed: getaddrinfo ENOTFOUND/);
    expect(readdirSync(root)).toEqual([]);
    const error = await run.catch((e: Error) => e);
    expect(deserializeError(serializeError(error))).toBeInstanceOf(NetworkError);
  });

  it('refuses an address that is gone, and content that has changed', async () => {
    const root = freshRoot();
    const gone = fetchDataset('tiny-shakespeare', {
      root,
      roots: [],
      fetch: answer(() => new Response('', { status: 404 })),
    });
    await expect(gone).rejects.toThrow('status 404');
    const other = fetchDataset('tiny-shakespeare', { root, roots: [], fetch: answer(() => new Response('To be')) });
    await expect(other).rejects.toThrow(DataError);
    await expect(other).rejects.toThrow('the source has changed');
    expect(readdirSync(root)).toEqual([]);
  });

  it('gives the source and the files to make where it cannot fetch', async () => {
    const run = fetchDataset('mnist', { root: '/cache', roots: [] });
    await expect(run).rejects.toThrow(OptionError);
    await expect(run).rejects.toThrow('train-images-idx3-ubyte.gz');
    await expect(run).rejects.toThrow('strata data verify mnist');
    await expect(fetchDataset('corra', { roots: [] })).rejects.toThrow('did you mean cora?');
    expect(await fetchDataset('karate', { roots: [] })).toMatchObject({ isNew: false, bytes: 0 });
  });

  it('stops when its signal says so', async () => {
    const controller = new AbortController();
    const fetch = answer(() => {
      controller.abort();
      throw new Error('aborted');
    });
    const run = fetchDataset('cora', { root: freshRoot(), roots: [], fetch, signal: controller.signal });
    await expect(run).rejects.toMatchObject({ name: 'AbortError' });
  });

  it.skipIf(!hasRealData).each(['cora', 'citeseer'])(
    'makes %s from its source files, every file as registered',
    async (name) => {
      const root = freshRoot();
      const asked: string[] = [];
      const fetch = answer((url) => {
        asked.push(url);
        return new Response(gunzipSync(readFileSync(join(realData, name, 'original', `${url.split('/').at(-1)}.gz`))));
      });
      const report = await fetchDataset(name, { root, roots: [], fetch });
      expect(report).toMatchObject({ folder: join(root, name), isNew: true });
      expect(asked.length).toBe(8);
      expect(asked[0]).toMatch(
        /^https:\/\/raw\.githubusercontent\.com\/kimiyoung\/planetoid\/[0-9a-f]{40}\/data\/ind\./,
      );
      expect((await verifyDataset(name, { roots: [root] })).isOk).toBe(true);
      expect((await loadNodeDataset(name, { roots: [root] })).graph).toEqual(
        (await loadNodeDataset(name, { roots: [realData] })).graph,
      );
      expect(await fetchDataset(name, { root, roots: [], fetch })).toMatchObject({ isNew: false, bytes: 0 });
      expect(asked.length).toBe(8);
    },
  );

  it('reads no pickle that names other code, is cut off, or is something else', () => {
    const evil = Buffer.from('\x80\x02cposix\nsystem\n(X', 'latin1');
    expect(() => readPickle(evil, 'evil')).toThrow('it names "posix system"');
    expect(() => readPickle(Buffer.from('\x80\x02]q', 'latin1'), 'cut')).toThrow(DataError);
    expect(() => readPickle(Buffer.from('\x80\x02cnumpy', 'latin1'), 'cut')).toThrow('a name does not end');
    expect(() => readPickle(Buffer.from('\x80\x04.', 'latin1'), 'new')).toThrow('protocol must be 2');
  });
});
