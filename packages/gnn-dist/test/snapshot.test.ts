import { Rng } from '@strata-ml/core';
import { describe, expect, it } from 'vitest';
import { AdjacencyStore, type SampledBlock, type SnapshotOptions, SnapshotSampler } from '../src/index.js';
import { layOutSnapshots, SnapshotCache } from '../src/snapshot/SnapshotCache.js';
import { expectedReads } from '../src/snapshot/staticOrder.js';
import { awkwardGraph } from './support/data.js';
import { hubGraph, regularGraph } from './support/snapshotGraphs.js';

const PAGE = 4096;
const both = ['full', 'partial'] as const;
const otf = both.flatMap((refresh) =>
  both.flatMap((fetch) => [false, true].map((shared) => ({ mode: 'otf', refresh, fetch, shared }) as const)),
);
const snapshotKinds = [{ mode: 'fcr' }, { mode: 'fcr', shared: true }, { mode: 'swap' }, ...otf] as const;
const allKinds = [
  { mode: 'fbl' },
  { mode: 'lru', budgetBytes: 600 },
  { mode: 'static', budgetBytes: 600 },
  { mode: 'static', budgetBytes: 600, order: 'inclusion' },
  ...snapshotKinds,
] as const;
const title = (kind: object) => Object.values(kind).join(' ');
const named = <T extends object>(kinds: readonly T[]) => kinds.map((kind) => [title(kind), kind] as const);

/** Seeds of call t: 20 vertices that differ from call to call. */
const seedsAt = (n: number, call: number) => new Rng(9).split(call).permutation(n).subarray(0, 20).sort();
const plain = (blocks: readonly SampledBlock[]) =>
  blocks.map((b) => [b.sources, b.indptr, b.neighbours].map((a) => [...a]));

function calls(store: AdjacencyStore, options: SnapshotOptions, count: number): SampledBlock[][] {
  const sampler = new SnapshotSampler(store, options);
  return Array.from({ length: count }, (_, call) => sampler.sample(seedsAt(store.numVertices, call)));
}

/** χ² of inclusion counts without replacement: R draws of f from d. */
function chiSquare(counts: readonly number[], rounds: number, fanout: number): number {
  const d = counts.length;
  const p = fanout / d;
  const variance = (rounds * p * (1 - p) * d) / (d - 1);
  return counts.reduce((sum, count) => sum + (count - rounds * p) ** 2 / variance, 0);
}
/** P(χ² > 30.58) = 0.01 with 15 degrees of freedom. */
const LIMIT = 30.58;

describe('what is drawn', () => {
  const data = awkwardGraph(80, { sparse: false });

  it.each(named(allKinds))('%s: min(f, degree) neighbours, none twice, none foreign; blocks chain', (_, kind) => {
    const { graph } = data;
    const store = AdjacencyStore.inMemory(graph);
    for (const blocks of calls(store, { ...kind, fanouts: [3, 4], period: 3, degreeThreshold: 5 }, 8)) {
      expect([...blocks[1]!.sources]).toEqual([...blocks[0]!.sources.subarray(0, blocks[0]!.numDestinations)]);
      for (const [layer, { sources, numDestinations, indptr, neighbours }] of blocks.entries()) {
        expect(new Set(sources).size).toBe(sources.length);
        const seen = new Set(sources);
        for (let i = 0; i < numDestinations; i++) {
          const v = sources[i]!;
          const list = [...graph.indices.subarray(graph.indptr[v], graph.indptr[v + 1])];
          const drawn = [...neighbours.subarray(indptr[i], indptr[i + 1])];
          expect(drawn.length).toBe(Math.min([3, 4][layer]!, list.length));
          expect(new Set(drawn).size).toBe(drawn.length);
          for (const u of drawn) expect(list.includes(u) && seen.has(u)).toBe(true);
        }
      }
    }
  });

  it.each(
    named([
      { mode: 'fcr', period: 1 },
      { mode: 'fcr', alpha: Number.POSITIVE_INFINITY },
      { mode: 'otf', fetch: 'partial', fetchRate: 0, fetchPeriod: 1 },
      { mode: 'otf', refresh: 'partial', fetch: 'partial', fetchRate: 0 },
      { mode: 'otf', alpha: 8, shared: true },
      { mode: 'fcr', degreeThreshold: 1000 },
      { mode: 'lru', budgetBytes: 400 },
      { mode: 'static', budgetBytes: 400 },
    ] as const),
  )('%s draws exactly what fbl draws', (_, kind) => {
    const store = AdjacencyStore.inMemory(regularGraph(128));
    const fbl = calls(store, { mode: 'fbl', fanouts: [2, 4] }, 6);
    expect(calls(store, { ...kind, fanouts: [2, 4] }, 6).map(plain)).toEqual(fbl.map(plain));
    expect(calls(store, { mode: 'fbl', fanouts: [2, 4], seed: 2 }, 6).map(plain)).not.toEqual(fbl.map(plain));
  });

  it('fbl, and a snapshot of the whole list: every neighbour equally often over 10⁵ draws', () => {
    const store = AdjacencyStore.inMemory(hubGraph(1, 16));
    for (const options of [{ mode: 'fbl' }, { mode: 'otf', alpha: 4 }] as const) {
      const sampler = new SnapshotSampler(store, { ...options, fanouts: [4] });
      const counts = new Array<number>(16).fill(0);
      for (let call = 0; call < 25_000; call++)
        for (const u of sampler.sample(Int32Array.of(0))[0]!.neighbours) counts[u]!++;
      expect(chiSquare(counts, 25_000, 4)).toBeLessThan(LIMIT);
    }
  });

  it.each(named(snapshotKinds))(
    '%s: over many snapshots every neighbour equally often; few in one period',
    (_, kind) => {
      const store = AdjacencyStore.inMemory(hubGraph(1, 16));
      const counts = new Array<number>(16).fill(0);
      const rounds = 1500;
      for (let seed = 0; seed < rounds; seed++) {
        const sampler = new SnapshotSampler(store, { ...kind, fanouts: [4], alpha: 1.5, period: 2, seed });
        for (let call = 0; call < 4; call++) sampler.sample(Int32Array.of(0));
        for (const u of sampler.sample(Int32Array.of(0))[0]!.neighbours) counts[u]!++;
      }
      expect(chiSquare(counts, rounds, 4)).toBeLessThan(LIMIT);
      const fromSnapshotOnly = kind.mode === 'fcr' || (kind.mode === 'otf' && kind.fetch === 'full');
      if (!fromSnapshotOnly) return;
      const sampler = new SnapshotSampler(store, { ...kind, fanouts: [4], alpha: 1.5, period: 100 });
      const seen = new Set<number>();
      for (let call = 0; call < 100; call++)
        for (const u of sampler.sample(Int32Array.of(0))[0]!.neighbours) seen.add(u);
      expect(seen.size).toBe(6);
    },
  );
});

describe('a snapshot', () => {
  it('keeps (1 − γ)^r of its first entries after r partial refreshes, and never one twice', () => {
    const hubs = 20;
    const store = AdjacencyStore.inMemory(hubGraph(hubs, 20_000));
    const cache = new SnapshotCache(store, layOutSnapshots(store, 100, 0));
    cache.fill(new Rng(1), 0);
    const first = Array.from({ length: hubs }, (_, v) => new Set(cache.list(v)));
    for (let r = 1; r <= 4; r++) {
      cache.turnOver(25, new Rng(1).split(r));
      let kept = 0;
      for (let v = 0; v < hubs; v++) {
        expect(new Set(cache.list(v)).size).toBe(100);
        for (const u of cache.list(v)) if (first[v]!.has(u)) kept++;
      }
      const p = 0.75 ** r;
      const trials = hubs * 100;
      // A neighbour that went may come again, at a chance of 25 in 20,000.
      expect(Math.abs(kept / trials - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / trials) + 0.003);
    }
  });

  it('takes fresh entries for used ones, as many as it lacks; for random others where none was used', () => {
    const cache = new SnapshotCache(AdjacencyStore.inMemory(hubGraph(1, 200)), {
      size: 4,
      offsets: Int32Array.from({ length: 201 }, (_, v) => (v === 0 ? 0 : 4)),
      entries: Int32Array.of(10, 11, 12, 13),
    });
    cache.insert(0, Int32Array.of(13, 20, 21), Int32Array.of(12, 10), new Rng(1));
    expect([...cache.list(0)]).toEqual([21, 11, 20, 13]);
    cache.insert(0, Int32Array.of(30, 11, 31), undefined, new Rng(1));
    expect([...cache.list(0)].sort((a, b) => a - b).slice(2)).toEqual([30, 31]);
    expect(new Set(cache.list(0)).size).toBe(4);
  });

  it('shared by all layers takes the memory of the largest one, else that of all', () => {
    const store = AdjacencyStore.inMemory(regularGraph(128));
    const offsets = 4 * 129;
    const bytes = (shared: boolean) =>
      new SnapshotSampler(store, { fanouts: [2, 4], mode: 'fcr', shared }).stats().cacheBytes;
    expect(bytes(true)).toBe(4 * 128 * 8 + offsets);
    expect(bytes(false)).toBe(4 * 128 * (4 + 8) + 2 * offsets);
  });

  it('reports stale draws and how many of the neighbours were seen', () => {
    const store = AdjacencyStore.inMemory(hubGraph(1, 16));
    const sampler = new SnapshotSampler(store, { fanouts: [4], alpha: 1.5, period: 4, trackCoverage: true });
    for (let call = 0; call < 4; call++) sampler.sample(Int32Array.of(0));
    expect(sampler.stats()).toMatchObject({ calls: 4, hits: 1, staleShare: 3 / 4, coverage: 6 / 16 });
  });
});

describe('bytes read', () => {
  const n = 512;
  const graph = regularGraph(n);
  const filePages = n / 64;
  const pagesOf = (vertices: Iterable<number>) => new Set(Array.from(vertices, (v) => v >> 6)).size;
  const options = { fanouts: [2, 4], period: 3 };

  function run(kind: Partial<SnapshotOptions>, count = 7) {
    const store = AdjacencyStore.inMemory(graph);
    const sampler = new SnapshotSampler(store, { ...options, ...kind });
    const built = store.traffic;
    // By call: pages that the frontiers of its layers lie in.
    const pages: number[] = [];
    for (let call = 0; call < count; call++) {
      const blocks = sampler.sample(seedsAt(n, call));
      pages.push(blocks.reduce((sum, b) => sum + pagesOf(b.sources.subarray(0, b.numDestinations)), 0));
    }
    return { sampler, pages, built, traffic: store.traffic };
  }
  const sum = (pages: readonly number[]) => pages.reduce((a, b) => a + b, 0);

  it('fbl: the pages of the frontier, in every layer', () => {
    const { sampler, pages } = run({ mode: 'fbl' });
    expect(sampler.stats()).toMatchObject({ storageBytes: PAGE * sum(pages), setupBytes: 0, cacheBytes: 0, hits: 0 });
  });

  it('fcr: once every T calls all pages, 4 · Σ min(degree, ⌊α f⌋) bytes of neighbours, in each layer', () => {
    const { sampler, built, traffic } = run({ mode: 'fcr' });
    expect(built).toEqual({ storageBytes: 2 * PAGE * filePages, entryBytes: 4 * n * (4 + 8) });
    // Calls 3 and 6 refresh.
    expect(traffic).toEqual({ storageBytes: 3 * built.storageBytes, entryBytes: 3 * built.entryBytes });
    expect(sampler.stats().storageBytes).toBe(traffic.storageBytes);
  });

  it('otf, partial refresh: every T calls the pages of what the call samples', () => {
    const { sampler, pages, built } = run({ mode: 'otf', refresh: 'partial' });
    expect(sampler.stats().storageBytes - built.storageBytes).toBe(PAGE * (pages[3]! + pages[6]!));
  });

  it('otf, partial fetch: the pages of the frontier in every T_f-th call, and refreshes', () => {
    const { sampler, pages, built } = run({ mode: 'otf', fetch: 'partial', fetchPeriod: 2 });
    const fetched = sum([0, 2, 4, 6].map((call) => pages[call]!));
    expect(sampler.stats().storageBytes).toBe(PAGE * fetched + 3 * built.storageBytes);
  });

  it('lists that a snapshot holds whole are never read again', () => {
    for (const kind of [...snapshotKinds, { mode: 'fcr', degreeThreshold: 16 }] as const) {
      const { sampler, built } = run({ ...kind, alpha: 8 });
      expect(sampler.stats().storageBytes).toBe(built.storageBytes);
    }
  });

  it('a static cache is never read through; an LRU cache of all lists reads each list once', () => {
    const everything = { budgetBytes: 4 * 16 * n };
    const still = run({ mode: 'static', ...everything });
    expect(still.sampler.stats()).toMatchObject({ storageBytes: PAGE * filePages, hits: 1, cacheBytes: 4 * 16 * n });
    const store = AdjacencyStore.inMemory(graph);
    const lru = new SnapshotSampler(store, { ...options, mode: 'lru', ...everything });
    const read = new Set<number>();
    for (let call = 0; call < 5; call++) {
      for (const { sources, numDestinations } of lru.sample(seedsAt(n, call))) {
        for (const v of sources.subarray(0, numDestinations)) read.add(v);
      }
    }
    expect(store.traffic.entryBytes).toBe(4 * 16 * read.size);
    expect(lru.stats().cacheBytes).toBe(4 * 16 * read.size);
  });

  it('an LRU cache keeps to its budget', () => {
    expect(run({ mode: 'lru', budgetBytes: 700 }).sampler.stats().cacheBytes).toBe(640);
  });

  it('expectedReads is the share of batches that read a list', () => {
    const train = Int32Array.from({ length: 40 }, (_, i) => 10 * i);
    const expected = expectedReads(AdjacencyStore.inMemory(graph), { ...options, trainVertices: train, batchSize: 10 });
    const sampler = new SnapshotSampler(AdjacencyStore.inMemory(graph), { ...options, mode: 'fbl' });
    const reads = new Float64Array(n);
    const rounds = 400;
    for (let call = 0; call < rounds; call++) {
      const seeds = Int32Array.from(new Rng(3).split(call).permutation(40).subarray(0, 10), (i) => train[i]!).sort();
      for (const { sources, numDestinations } of sampler.sample(seeds)) {
        for (const v of sources.subarray(0, numDestinations)) reads[v]!++;
      }
    }
    const mean = (values: Float64Array, of: (v: number) => boolean) => {
      const chosen = values.filter((_, v) => of(v));
      return chosen.reduce((a, b) => a + b, 0) / chosen.length;
    };
    for (const of of [
      (v: number) => v % 10 === 0 && v < 400,
      (v: number) => v > 420 && v < 500,
      (v: number) => v % 10 === 5 && v < 380,
    ]) {
      // Seeds are drawn without replacement, the formula assumes them independent: a few per cent.
      expect(Math.abs(mean(reads, of) / rounds - mean(expected, of))).toBeLessThan(0.02);
    }
  });
});

describe('updates', () => {
  it.each(named(allKinds))('%s: a removed edge is never drawn again, an added one is', (_, kind) => {
    const store = AdjacencyStore.inMemory(regularGraph(64));
    const sampler = new SnapshotSampler(store, { ...kind, fanouts: [3], period: 2, budgetBytes: 2000 });
    const all = Int32Array.from({ length: 64 }, (_, v) => v);
    for (let call = 0; call < 3; call++) sampler.sample(all);
    // Of every third vertex all but two in-neighbours go, and one from afar comes.
    const chosen = all.filter((v) => v % 3 === 0);
    const ends = (list: readonly (readonly [number, number])[]) => ({
      sources: Int32Array.from(list, ([u]) => u),
      destinations: Int32Array.from(list, ([, v]) => v),
    });
    const gone = [...chosen].flatMap((v) => Array.from({ length: 14 }, (_, k) => [(v + 1 + k) % 64, v] as const));
    const come = [...chosen].map((v) => [(v + 40) % 64, v] as const);
    sampler.applyUpdates({ remove: ends(gone), add: ends(come) });
    for (let call = 0; call < 6; call++) {
      const { indptr, neighbours } = sampler.sample(all)[0]!;
      for (const v of chosen) {
        const expected = [(v + 15) % 64, (v + 16) % 64, (v + 40) % 64].sort((a, b) => a - b);
        expect([...neighbours.subarray(indptr[v], indptr[v + 1])]).toEqual(expected);
      }
    }
    sampler.applyUpdates({ add: ends(gone) });
    expect(store.degree(0)).toBe(17);
  });
});

describe('options', () => {
  it.each([
    [{ fanouts: [] }, 'fanouts'],
    [{ alpha: 0.5 }, 'alpha'],
    [{ period: 0 }, 'period'],
    [{ refreshRate: 1.5 }, 'refreshRate'],
    [{ mode: 'fbl', background: true }, 'background'],
  ] as const)('%o is refused', (options, name) => {
    const store = AdjacencyStore.inMemory(hubGraph(1, 2));
    expect(() => new SnapshotSampler(store, { fanouts: [2], ...options } as SnapshotOptions)).toThrow(name);
  });

  it('seeds outside the graph, or there twice, are refused', () => {
    const sampler = new SnapshotSampler(AdjacencyStore.inMemory(hubGraph(1, 2)), { fanouts: [2] });
    expect(() => sampler.sample(Int32Array.of(5))).toThrow('vertex in 0 … 1');
    expect(() => sampler.sample(Int32Array.of(0, 0))).toThrow('once');
  });
});
