import { OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrFromEdges, type PartitionMetrics, partitionMetrics } from '../src/index.js';
import { anyEdges, bothWays, columns, type Pairs, unique } from './oracles/naive.js';

/** Every figure from its definition, on lists of pairs and sets. */
function bruteForce(
  n: number,
  allPairs: Pairs,
  partOf: readonly number[],
  devices: readonly number[],
  train: readonly number[],
  hops: number,
): PartitionMetrics {
  const pairs = allPairs.filter(([u, v]) => u !== v);
  const keys = new Set(pairs.map(([u, v]) => `${u}>${v}`));
  const isUndirected = pairs.every(([u, v]) => keys.has(`${v}>${u}`));
  const parts = devices.reduce((a, b) => a + b, 0);
  const server = devices.flatMap((d, s) => new Array<number>(d).fill(s));
  const serverOf = partOf.map((p) => server[p]!);
  const once = isUndirected ? pairs.filter(([u, v]) => u < v) : pairs;
  const cut = once.filter(([u, v]) => partOf[u] !== partOf[v]).length;
  const interCut = once.filter(([u, v]) => serverOf[u] !== serverOf[v]).length;
  const vertices = Array.from({ length: n }, (_, v) => v);
  const ranks = Array.from({ length: parts }, (_, p) => p);
  const needs = (owner: number, reader: number) =>
    new Set(pairs.filter(([u, v]) => partOf[u] === owner && partOf[v] === reader).map(([u]) => u)).size;
  const haloPairs = ranks.flatMap((owner) =>
    ranks
      .filter((reader) => reader !== owner)
      .map((reader) => ({
        owner,
        reader,
        linkClass: server[owner] === server[reader] ? ('intra' as const) : ('inter' as const),
        rows: needs(owner, reader),
      }))
      .filter(({ rows }) => rows > 0),
  );
  const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
  const rowsOf = (list: typeof haloPairs) => sum(list.map(({ rows }) => rows));
  const sizes = ranks.map((p) => partOf.filter((q) => q === p).length);
  const haloRowsPerRank = ranks.map((p) => rowsOf(haloPairs.filter(({ reader }) => reader === p)));
  const skew = (list: readonly number[]) => (sum(list) === 0 ? null : (Math.max(...list) * list.length) / sum(list));
  const ratio = (a: number, b: number) => (b === 0 ? 0 : a / b);
  const replication = (group: readonly number[], groups: number) =>
    Array.from({ length: hops }, (_, h) => {
      let held = 0;
      for (let id = 0; id < groups; id++) {
        let set = new Set(vertices.filter((v) => group[v] === id));
        for (let step = 0; step <= h; step++) {
          set = new Set([...set, ...pairs.filter(([, v]) => set.has(v)).map(([u]) => u)]);
        }
        held += set.size;
      }
      return held / n;
    });
  return {
    parts,
    servers: devices.length,
    edges: once.length,
    edgeCut: cut,
    cutRatio: ratio(cut, once.length),
    interServerCut: interCut,
    interServerCutRatio: ratio(interCut, once.length),
    communicationVolume: sum(
      vertices.map(
        (v) =>
          new Set(
            pairs
              .filter(([u, w]) => u === v || w === v)
              .map(([u, w]) => partOf[u === v ? w : u]!)
              .filter((p) => p !== partOf[v]),
          ).size,
      ),
    ),
    balance: skew(sizes)!,
    edgeBalance: skew(ranks.map((p) => allPairs.filter(([, v]) => partOf[v] === p).length)) ?? 1,
    trainBalance: skew(ranks.map((p) => vertices.filter((v) => partOf[v] === p && train[v] === 1).length)),
    partSizes: sizes,
    emptyParts: sizes.filter((size) => size === 0).length,
    boundaryFraction: devices.map((_, s) =>
      ratio(
        vertices.filter((v) => serverOf[v] === s && pairs.some(([u, w]) => w === v && serverOf[u] !== s)).length,
        serverOf.filter((q) => q === s).length,
      ),
    ),
    haloRows: rowsOf(haloPairs),
    haloRatio: rowsOf(haloPairs) / n,
    haloRowsPerRank,
    haloRatioPerRank: haloRowsPerRank.map((rows, p) => ratio(rows, sizes[p]!)),
    haloRowsIntra: rowsOf(haloPairs.filter(({ linkClass }) => linkClass === 'intra')),
    haloRowsInter: rowsOf(haloPairs.filter(({ linkClass }) => linkClass === 'inter')),
    haloPairs,
    replicationFactor: { ranks: replication(partOf, parts), servers: replication(serverOf, devices.length) },
  };
}

describe('partitionMetrics', () => {
  const devices = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 3 });

  it('equals brute force in every figure, directed or not, with loops, empty parts and uneven servers', () => {
    const cases = fc.record({
      edges: anyEdges,
      devices,
      symmetric: fc.boolean(),
      hops: fc.nat(4),
      seed: fc.infiniteStream(fc.nat(1000)),
    });
    const property = fc.property(cases, ({ edges: { n, pairs }, devices, symmetric, hops, seed }) => {
      const parts = devices.reduce((a, b) => a + b, 0);
      const partOf = Array.from({ length: n }, () => seed.next().value! % parts);
      const train = Array.from({ length: n }, () => seed.next().value! % 2);
      const stored = unique(symmetric ? bothWays(pairs) : pairs);
      const g = csrFromEdges({ numVertices: n, ...columns(pairs), symmetrize: symmetric });
      const actual = partitionMetrics(g, Int32Array.from(partOf), {
        devicesPerServer: devices,
        trainMask: Uint8Array.from(train),
        hops,
      });
      expect(actual).toEqual(bruteForce(n, stored, partOf, devices, train, hops));
    });
    fc.assert(property, { numRuns: 300 });
  });

  it('takes one server and the parts it sees when no cluster is given', () => {
    const path = csrFromEdges({
      ...columns([
        [0, 1],
        [1, 2],
        [2, 3],
      ]),
      symmetrize: true,
    });
    const metrics = partitionMetrics(path, Int32Array.of(0, 0, 1, 1));
    expect(metrics).toMatchObject({ parts: 2, servers: 1, edgeCut: 1, edges: 3, haloRows: 2, trainBalance: null });
    expect(metrics.replicationFactor).toEqual({ ranks: [1.5], servers: [1] });
  });

  it('refuses a partition of another length, parts outside the cluster, and bad options', () => {
    const path = csrFromEdges({
      ...columns([
        [0, 1],
        [1, 2],
      ]),
      symmetrize: true,
    });
    const measure =
      (partOf: number[], options = {}) =>
      () =>
        partitionMetrics(path, Int32Array.from(partOf), options);
    expect(measure([0, 0])).toThrow(ShapeError);
    expect(measure([0, 0, 0], { trainMask: new Uint8Array(2) })).toThrow(ShapeError);
    expect(measure([0, 2, 0], { devicesPerServer: [1, 1] })).toThrow('part of vertex 1 must be in 0 … 1, got 2');
    expect(measure([0, -1, 0])).toThrow(OptionError);
    expect(measure([0, 0, 0], { hops: -1 })).toThrow(OptionError);
    expect(measure([0, 0, 0], { devicesPerServer: [] })).toThrow(OptionError);
  });
});
