import { OptionError, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { Sequence } from '../src/generate/Sequence.js';
import {
  connectedComponents,
  degreeStatistics,
  degrees,
  grid,
  isSymmetric,
  partitionMetrics,
  powerLawCommunity,
  randomGraph,
  rmat,
  sbm,
  scaledRandomGraph,
} from '../src/index.js';
import { pairsOf } from './oracles/naive.js';

/** |count − expected| within 5 standard deviations of a binomial. */
function expectBinomial(count: number, trials: number, p: number): void {
  expectClose([count], [trials * p], {
    rtol: 0,
    atol: 5 * Math.sqrt(trials * p * (1 - p)) + 1e-9,
    why: '5 standard deviations',
  });
}

describe('Sequence', () => {
  it('is xoshiro128**: what the published algorithm gives in Python integers for the state 1, 2, 3, 4', () => {
    const random = new Sequence({ uint32At: (i: number) => i + 1 } as Rng);
    const expected = [11_520, 0, 5_927_040, 70_819_200, 2_031_721_883, 1_637_235_492, 1_287_239_034, 3_734_860_849];
    expect(expected.map(() => random.uint32())).toEqual(expected);
  });

  it('has the moments of uniform and normal values', () => {
    const random = new Sequence(new Rng(5));
    const n = 200_000;
    const sums = [0, 0, 0, 0, 0];
    for (let i = 0; i < n; i++) {
      const u = random.uniform();
      const z = random.normal();
      [u, u * u, z, z * z, z ** 4].forEach((x, k) => {
        sums[k]! += x / n;
      });
    }
    [0.5, 1 / 3, 0, 1, 3].forEach((mean, k) => {
      expectClose([sums[k]!], [mean], { rtol: 0, atol: 0.06, why: 'sampling error' });
    });
  });
});

describe('all generators', () => {
  it('give the same graph for the same seed, another for another, undirected and in shared memory', () => {
    const generators = [
      (rng: Rng) => rmat({ scale: 8, rng }),
      (rng: Rng) => sbm({ sizes: [60, 40], pIn: 0.2, pOut: 0.02, rng }).graph,
      (rng: Rng) => powerLawCommunity({ numVertices: 300, communities: 7, rng }).graph,
      (rng: Rng) => randomGraph({ numVertices: 300, averageDegree: 6, rng }),
    ];
    for (const generate of generators) {
      const g = generate(new Rng(3));
      expect(generate(new Rng(3))).toEqual(g);
      expect(generate(new Rng(4))).not.toEqual(g);
      expect(isSymmetric({ ...g })).toBe(true);
      expect(degreeStatistics(g).selfLoops).toBe(0);
      expect(g.indices.buffer).toBeInstanceOf(SharedArrayBuffer);
    }
  });
});

describe('grid', () => {
  it('joins exactly the vertices at distance 1, on a torus across the border too', () => {
    for (const [rows, columns] of [
      [1, 1],
      [1, 5],
      [2, 2],
      [3, 4],
      [5, 1],
    ] as const) {
      for (const periodic of [false, true]) {
        const near = (a: number, b: number, side: number) =>
          Math.abs(a - b) === 1 || (periodic && Math.abs(a - b) === side - 1 && side > 1);
        const expected = new Set<string>();
        for (let u = 0; u < rows * columns; u++) {
          for (let v = 0; v < rows * columns; v++) {
            const [r, c, s, d] = [Math.floor(u / columns), u % columns, Math.floor(v / columns), v % columns];
            if ((r === s && near(c, d, columns)) || (c === d && near(r, s, rows))) expected.add(`${u},${v}`);
          }
        }
        expect(new Set(pairsOf(grid({ rows, columns, periodic })).map(String))).toEqual(expected);
      }
    }
    expect(() => grid({ rows: 0, columns: 3 })).toThrow(OptionError);
    expect(() => grid({ rows: 2 ** 16, columns: 2 ** 16 })).toThrow(OptionError);
  });
});

describe('sbm', () => {
  it('is a union of cliques for pIn = 1, pOut = 0, a complete multipartite graph the other way round', () => {
    const sizes = [1, 5, 4];
    for (const [pIn, pOut] of [
      [1, 0],
      [0, 1],
      [1, 1],
      [0, 0],
    ] as const) {
      const { graph, labels } = sbm({ sizes, pIn, pOut });
      const has = new Set(pairsOf(graph).map(String));
      for (let u = 0; u < 10; u++) {
        for (let v = 0; v < 10; v++) {
          expect(has.has(`${u},${v}`)).toBe(u !== v && (labels[u] === labels[v] ? pIn : pOut) === 1);
        }
      }
      expect([0, 1, 2].map((k) => labels.filter((label) => label === k).length)).toEqual(sizes);
    }
  });

  it('draws every pair with its probability, independently of the others', () => {
    const [pIn, pOut, runs] = [0.3, 0.1, 3000];
    const counts = new Map<string, number>();
    let both = 0;
    for (let seed = 0; seed < runs; seed++) {
      const { graph } = sbm({ sizes: [3, 2], pIn, pOut, numFeatures: 0, shuffle: false, rng: new Rng(seed) });
      const keys = pairsOf(graph)
        .filter(([u, v]) => u < v)
        .map(String);
      for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
      if (keys.includes('0,1') && keys.includes('0,2')) both++;
    }
    for (let u = 0; u < 5; u++) {
      for (let v = u + 1; v < 5; v++) expectBinomial(counts.get(`${u},${v}`) ?? 0, runs, u < 3 === v < 3 ? pIn : pOut);
    }
    expectBinomial(both, runs, pIn * pIn);
  });

  it('has features around one mean per class, with the spread asked for', () => {
    const { labels, features, numFeatures } = sbm({
      sizes: [3000, 2000],
      pIn: 0.001,
      pOut: 0,
      numFeatures: 8,
      separation: 2,
      noise: 0.5,
    });
    const means = [0, 1].map((k) =>
      Array.from({ length: numFeatures }, (_, f) => {
        const own = [...labels.keys()].filter((v) => labels[v] === k).map((v) => features[v * numFeatures + f]!);
        const mean = own.reduce((a, b) => a + b, 0) / own.length;
        const variance = own.reduce((a, b) => a + (b - mean) ** 2, 0) / own.length;
        expectClose([variance], [0.25], { rtol: 0, atol: 0.04, why: 'sampling error' });
        return mean;
      }),
    );
    const distance = Math.sqrt(means[0]!.reduce((sum, m, f) => sum + (m - means[1]![f]!) ** 2, 0));
    expect(distance).toBeGreaterThan(2); // sqrt(2 · 8) · 2 = 8 on average
  });

  it.each([
    { sizes: [], pIn: 0.1, pOut: 0.1 },
    { sizes: [0], pIn: 0.1, pOut: 0.1 },
    { sizes: [3], pIn: 1.1, pOut: 0.1 },
    { sizes: [3], pIn: 0.1, pOut: NaN },
    { sizes: [3], pIn: 0.1, pOut: 0.1, noise: -1 },
  ])('refuses %j', (options) => {
    expect(() => sbm(options)).toThrow(OptionError);
  });
});

describe('randomGraph, scaledRandomGraph', () => {
  it('have the mean degree asked for', () => {
    const g = randomGraph({ numVertices: 2000, averageDegree: 12 });
    expectBinomial(g.indices.length / 2, (2000 * 1999) / 2, 12 / 1999);
    const large = scaledRandomGraph(g, 4);
    expect(large.numVertices).toBe(8000);
    expectClose([large.indices.length / 8000], [g.indices.length / 2000], {
      rtol: 0,
      atol: 0.5,
      why: 'sampling error',
    });
    expect(randomGraph({ numVertices: 5, averageDegree: 4 }).indices).toHaveLength(20);
    expect(randomGraph({ numVertices: 0, averageDegree: 0 }).numVertices).toBe(0);
    expect(() => randomGraph({ numVertices: 5, averageDegree: 5 })).toThrow(OptionError);
  });
});

describe('rmat', () => {
  it('sends edges to the four quadrants in the ratio a : b : c : d, at the top level and below', () => {
    const [a, b, c] = [0.1, 0.2, 0.3];
    const scale = 16;
    const g = rmat({ scale, edgeFactor: 1, a, b, c, directed: true, shuffle: false });
    for (const bit of [scale - 1, 3]) {
      const counts = [0, 0, 0, 0];
      for (const [u, v] of pairsOf(g)) counts[2 * ((u >> bit) & 1) + ((v >> bit) & 1)]!++;
      [a, b, c, 0.4].forEach((p, quadrant) => {
        expectClose([counts[quadrant]! / g.indices.length], [p], { rtol: 0, atol: 0.02, why: 'sampling error' });
      });
    }
  });

  it('follows certain choices exactly, and has hubs with the default ones', () => {
    expect(pairsOf(rmat({ scale: 5, a: 0, b: 1, c: 0, d: 0, directed: true, shuffle: false }))).toEqual([[0, 31]]);
    expect(pairsOf(rmat({ scale: 5, a: 0, b: 0, c: 1, d: 0, directed: true, shuffle: false }))).toEqual([[31, 0]]);
    const stats = degreeStatistics(rmat({ scale: 12 }));
    expect(stats.max).toBeGreaterThan(20 * stats.mean);
    expect(() => rmat({ scale: 31 })).toThrow(OptionError);
    expect(() => rmat({ scale: 3, a: 0.9 })).toThrow(OptionError);
    expect(() => rmat({ scale: 3, a: 0.5, b: 0.2, c: 0.2, d: 0.2 })).toThrow('a + b + c + d must be 1');
  });
});

describe('powerLawCommunity', () => {
  it('keeps the internal share of edges inside communities of equal size, around hubs', () => {
    const options = { numVertices: 6400, communities: 8, averageDegree: 10, exponent: 0.6, internal: 0.75 };
    const { graph, communities } = powerLawCommunity(options);
    const { cutRatio, partSizes } = partitionMetrics(graph, communities);
    expect(partSizes).toEqual(new Array(8).fill(800));
    expectClose([cutRatio], [0.25], { rtol: 0, atol: 0.03, why: 'internal edges collide more often' });
    const { max, mean } = degreeStatistics(graph);
    expect(mean).toBeGreaterThan(8);
    expect(max).toBeGreaterThan(10 * mean);
  });

  it('draws the second end with weight rank^−a', () => {
    const exponent = 1;
    const { graph } = powerLawCommunity({
      numVertices: 4000,
      communities: 1,
      averageDegree: 2,
      exponent,
      internal: 1,
      shuffle: false,
    });
    // Expected degree: 1 from the uniform end, m · r^−a / Σ from the other.
    const total = Array.from({ length: 4000 }, (_, r) => (r + 1) ** -exponent).reduce((a, b) => a + b, 0);
    const { inDegrees } = degrees(graph);
    for (const rank of [1, 2, 5, 10]) {
      const expected = 1 + (4000 * rank ** -exponent) / total;
      expectClose([inDegrees[rank - 1]!], [expected], {
        rtol: 0.06,
        atol: 6 * Math.sqrt(expected),
        why: 'sampling error; duplicates are dropped',
      });
    }
  });

  it('ends in as many components as communities when all edges are internal, and checks its options', () => {
    const { graph, communities } = powerLawCommunity({ numVertices: 500, communities: 5, internal: 1 });
    const { count, labels } = connectedComponents(graph);
    expect(count).toBe(5);
    expect(new Set(labels.map((label, v) => label * 10 + communities[v]!)).size).toBe(5);
    expect(() => powerLawCommunity({ numVertices: 5, communities: 6 })).toThrow(OptionError);
    expect(() => powerLawCommunity({ numVertices: 5, communities: 1 })).toThrow(OptionError);
    expect(() => powerLawCommunity({ numVertices: 5, communities: 2, internal: 2 })).toThrow(OptionError);
  });
});
