import { AbortedError, OptionError, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  csrFromEdges,
  type PartitionMethod,
  type PartitionOptions,
  partition,
  partitionCluster,
  partitionMethods,
  partitionMetrics,
  type StreamOrder,
  sbm,
} from '../src/index.js';
import { naiveGreedy } from './oracles/greedy.js';
import { anyEdges, columns } from './oracles/naive.js';

/** Without the one that starts a process for every call. */
const ownMethods = partitionMethods.filter((name) => name !== 'metis');
const method = fc.constantFrom(...ownMethods) as fc.Arbitrary<PartitionMethod>;
const settings = fc.record({
  method,
  balance: fc.constantFrom(1, 1.03, 1.1, 2),
  order: fc.constantFrom('random', 'natural', 'bfs') as fc.Arbitrary<StreamOrder>,
  passes: fc.integer({ min: 1, max: 3 }),
  seed: fc.integer({ min: 0, max: 1000 }),
});
const graphOf = ({ n, pairs }: { n: number; pairs: readonly (readonly [number, number])[] }) =>
  csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize: true });
const sizesOf = (partOf: Int32Array, parts: number) =>
  Array.from({ length: parts }, (_, j) => partOf.filter((p) => p === j).length);

describe('partition', () => {
  it('never exceeds the cap and never leaves a part empty, however small the graph', () => {
    const property = fc.property(anyEdges, fc.nat(), settings, (edges, k, options) => {
      const parts = 1 + (k % edges.n);
      const g = csrFromEdges({ numVertices: edges.n, ...columns(edges.pairs) }); // directed
      const partOf = partition(g, parts, options);
      const cap = Math.max(Math.ceil(edges.n / parts), Math.floor(options.balance * (edges.n / parts) + 1e-9));
      const sizes = sizesOf(partOf, parts);
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(edges.n);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(cap);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(partition(g, parts, options)).toEqual(partOf); // deterministic
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('places each vertex where the formulas of LDG and Fennel are greatest, ties to the smaller part', () => {
    const property = fc.property(
      anyEdges,
      fc.nat(),
      fc.constantFrom('ldg', 'fennel'),
      fc.integer({ min: 1, max: 3 }),
      fc.constantFrom(1.03, 1.1, 1.5),
      (edges, k, method, passes, balance) => {
        const parts = 1 + (k % 5);
        const g = graphOf(edges);
        const partOf = partition(g, parts, { method, passes, balance, order: 'natural', allowEmpty: true });
        expect([...partOf]).toEqual(naiveGreedy(edges.n, edges.pairs, parts, method, balance, passes));
      },
    );
    fc.assert(property, { numRuns: 300 });
  });

  it('sees every vertex of a directed graph as its symmetric closure does', () => {
    const property = fc.property(anyEdges, settings, (edges, options) => {
      const parts = Math.min(edges.n, 2);
      const directed = csrFromEdges({ numVertices: edges.n, ...columns(edges.pairs) });
      expect(partition(directed, parts, options)).toEqual(partition(graphOf(edges), parts, options));
    });
    fc.assert(property);
  });

  it('cuts planted blocks in one pass as much as the reference experiment of the specification measured', () => {
    // n = 20,000, mean degree 20, cap +3 %, random order: LDG and Fennel .382 on 2 blocks, .699 on 8.
    for (const [blocks, planted, reference] of [
      [2, 0.2, 0.382],
      [8, 0.263, 0.699],
    ] as const) {
      const size = 20_000 / blocks;
      const { graph } = sbm({
        sizes: new Array(blocks).fill(size),
        pIn: ((1 - planted) * 20) / (size - 1),
        pOut: (planted * 20) / (size * (blocks - 1)),
        numFeatures: 0,
      });
      for (const method of ['ldg', 'fennel'] as const) {
        const { cutRatio } = partitionMetrics(graph, partition(graph, blocks, { method, balance: 1.03 }));
        expectClose([cutRatio], [reference], { rtol: 0, atol: 0.01, why: 'another random graph of the same law' });
      }
    }
  });

  it('leaves parts empty only when allowed, and names both numbers otherwise', () => {
    const g = csrFromEdges({ numVertices: 3, ...columns([[0, 1]]) });
    for (const method of ownMethods) {
      expect(() => partition(g, 4, { method })).toThrow(OptionError);
      expect(() => partition(g, 4, { method })).toThrow('parts must be at most 3, the number of vertices, got 4');
      expect(Math.max(...sizesOf(partition(g, 5, { method, allowEmpty: true }), 5))).toBe(1);
      expect(partition(csrFromEdges(columns([])), 2, { method, allowEmpty: true })).toHaveLength(0);
    }
  });

  it('lists the methods when it does not know one, and refuses options out of range', () => {
    const g = csrFromEdges(
      columns([
        [0, 1],
        [1, 2],
      ]),
    );
    const run =
      (options: object, parts = 2) =>
      () =>
        partition(g, parts, options as PartitionOptions);
    expect(run({ method: 'voronoi' })).toThrow(
      'one of random, hash, range, ldg, fennel, frozen, grem, multilevel, metis, switching, spinner, 2ps-l, got "voronoi"',
    );
    for (const parts of [0, -1, 1.5, NaN]) expect(run({}, parts)).toThrow(OptionError);
    for (const bad of [
      { balance: 0.9 },
      { balance: NaN },
      { order: 'dfs' },
      { passes: 0 },
      { gamma: 1 },
      { objective: 'edges' },
      { decay: 1.1 },
      { chunkEdges: 0 },
      { weights: [new Int32Array(3)] },
      { seed: 0.5 },
    ]) {
      expect(run(bad)).toThrow(OptionError);
    }
  });

  it('stops when the signal is aborted, before or on the way, and counts what it placed', () => {
    const n = 200_000;
    const ring = Int32Array.from({ length: n }, (_, v) => v);
    const g = csrFromEdges({ sources: ring, destinations: ring.map((v) => (v + 1) % n), symmetrize: true });
    for (const method of ownMethods) {
      expect(() => partition(g, 2, { method, signal: AbortSignal.abort() })).toThrow(AbortedError);
    }
    const controller = new AbortController();
    const seen: number[] = [];
    const onProgress = ({ placed }: { placed: number }) => {
      seen.push(placed);
      if (placed > 100_000) controller.abort();
    };
    expect(() => partition(g, 2, { signal: controller.signal, onProgress })).toThrow(AbortedError);
    expect(seen).toEqual([65_536, 131_072]);
    seen.length = 0;
    partition(g, 2, { onProgress: ({ placed, total }) => seen.push(placed / total) });
    expect(seen.at(-1)).toBe(1);
  });
});

describe('partitionCluster', () => {
  const cluster = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 });

  it('keeps the cap per rank, fills every rank, and gives servers their share', () => {
    const property = fc.property(anyEdges, cluster, settings, (edges, devices, options) => {
      const ranks = devices.reduce((a, b) => a + b, 0);
      fc.pre(ranks <= edges.n);
      const g = graphOf(edges);
      const partOf = partitionCluster(g, devices, options);
      const sizes = sizesOf(partOf, ranks);
      const cap = Math.max(Math.ceil(edges.n / ranks), Math.floor(options.balance * (edges.n / ranks) + 1e-9));
      expect(sizes.reduce((a, b) => a + b, 0)).toBe(edges.n);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(cap);
      expect(Math.min(...sizes)).toBeGreaterThan(0);
      expect(partitionCluster(g, devices, options)).toEqual(partOf);
    });
    fc.assert(property, { numRuns: 500 });
  });

  it('cuts between servers first, as if each had one device; shares follow the device counts', () => {
    const n = 400;
    const rng = new Rng(3);
    const pairs = Array.from({ length: 2000 }, (_, i): [number, number] => [rng.intAt(n, i), rng.intAt(n, i, 1)]);
    const g = graphOf({ n, pairs });
    for (const method of ownMethods) {
      const serverOf = partitionCluster(g, [2, 2], { method }).map((rank) => rank >> 1);
      expect(serverOf).toEqual(partitionCluster(g, [1, 1], { method }));
      const uneven = partitionCluster(g, [3, 1], { method, balance: 1.02 }).filter((rank) => rank < 3);
      expectClose([uneven.length], [300], { rtol: 0, atol: 8, why: 'balance 1.02' });
    }
    expect([...partitionCluster(graphOf({ n: 8, pairs: [] }), [3, 1], { method: 'range' })]).toEqual([
      0, 0, 1, 1, 2, 2, 3, 3,
    ]);
  });

  it('refuses clusters without servers or devices, and more devices than vertices', () => {
    const g = csrFromEdges(
      columns([
        [0, 1],
        [1, 2],
      ]),
    );
    expect(() => partitionCluster(g, [])).toThrow(OptionError);
    expect(() => partitionCluster(g, [1, 0])).toThrow('devicesPerServer[1] must be an integer ≥ 1, got 0');
    expect(() => partitionCluster(g, [2, 2])).toThrow('devices must be at most 3, the number of vertices, got 4');
    expect(partitionCluster(g, [2, 2], { allowEmpty: true })).toHaveLength(3);
  });

  it('reports one rising count over both levels', () => {
    const g = csrFromEdges({ numVertices: 50, ...columns([[0, 49]]) });
    const shares: number[] = [];
    partitionCluster(g, [2, 1], { passes: 2, onProgress: ({ placed, total }) => shares.push(placed / total) });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBeLessThanOrEqual(1);
  });
});
