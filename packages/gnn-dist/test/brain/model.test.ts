import { initEngine, Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { bipolarRelu } from '../../src/brain/bipolarRelu.js';
import { explainQuadStream } from '../../src/brain/explainQuadStream.js';
import { fitQuadStream, type LabelledGraphs, predictQuadStream } from '../../src/brain/fitQuadStream.js';
import { GraphStore } from '../../src/brain/GraphBatch.js';
import { QuadStreamGcn } from '../../src/brain/QuadStreamGcn.js';
import { buildConnectome, type SignedGraph } from '../../src/brain/SignedGraph.js';
import { type Stream, streamFilter, streamSets, streams } from '../../src/brain/streams.js';
import { syntheticConnectomes } from '../../src/brain/syntheticConnectomes.js';

beforeAll(async () => void (await initEngine()));

const normals = (n: number, seed = 1) => Float32Array.from({ length: n }, (_, i) => new Rng(seed).normalAt(i));

function randomGraph(regions: number, features: number, seed: number): SignedGraph {
  const { adjacency } = buildConnectome(normals(40 * regions, seed), 40, regions);
  return { regions, adjacency, features: normals(regions * features, seed + 100) };
}

/** A graph with its regions in another order. */
function permuted({ regions, adjacency, features }: SignedGraph, order: Int32Array): SignedGraph {
  const width = features!.length / regions;
  const a = new Float32Array(regions * regions);
  const x = new Float32Array(features!.length);
  order.forEach((from, to) => {
    order.forEach((fromColumn, toColumn) => {
      a[to * regions + toColumn] = adjacency[from * regions + fromColumn]!;
    });
    x.set(features!.subarray(from * width, (from + 1) * width), to * width);
  });
  return { regions, adjacency: a, features: x };
}

describe('buildConnectome', () => {
  it('is the correlation matrix, by the textbook formula in float64', () => {
    const [t, r] = [30, 5];
    const series = normals(t * r);
    const { adjacency } = buildConnectome(series, t, r);
    const column = (i: number) => Array.from({ length: t }, (_, k) => series[k * r + i]!);
    const mean = (x: number[]) => x.reduce((a, b) => a + b, 0) / x.length;
    const covariance = (x: number[], y: number[]) => mean(x.map((v, k) => (v - mean(x)) * (y[k]! - mean(y))));
    for (let i = 0; i < r; i++) {
      for (let j = 0; j < r; j++) {
        const [x, y] = [column(i), column(j)];
        const expected = i === j ? 0 : covariance(x, y) / Math.sqrt(covariance(x, x) * covariance(y, y));
        expect(adjacency[i * r + j]).toBeCloseTo(expected, 6);
      }
    }
    const z = buildConnectome(series, t, r, { fisherZ: true }).adjacency;
    expect(z[1]).toBeCloseTo(Math.atanh(0.999 * adjacency[1]!), 6);
  });

  it('keeps the strongest share of pairs, symmetrically, and gives constant regions no edges', () => {
    const r = 10;
    const { adjacency } = buildConnectome(normals(30 * r), 30, r, { keep: 0.2 });
    expect(adjacency.filter((w) => w !== 0).length).toBe(2 * 9);
    for (let i = 0; i < r * r; i++) expect(adjacency[i]).toBe(adjacency[(i % r) * r + Math.floor(i / r)]);
    const flat = normals(30 * 3).map((v, i) => (i % 3 === 0 ? 7 : v));
    expect([...buildConnectome(flat, 30, 3).adjacency.subarray(0, 3)]).toEqual([0, 0, 0]);
  });

  it('refuses series that are not finite, too short or of another length', () => {
    expect(() => buildConnectome(Float32Array.of(1, Number.NaN, 3, 4), 2, 2)).toThrow(/element 1 is NaN/);
    expect(() => buildConnectome(new Float32Array(3), 1, 3)).toThrow(/at least 2 points, got 1/);
    expect(() => buildConnectome(new Float32Array(3), 2, 3)).toThrow(/shape/);
    expect(() => buildConnectome(new Float32Array(6), 2, 3, { keep: 0 })).toThrow(/keep must be in \(0, 1\]/);
  });
});

describe('streamFilter', () => {
  const regions = 16;
  const adjacency = () => tf.tensor3d(randomGraph(regions, 1, 3).adjacency, [1, regions, regions]);

  it('splits the identity into a smooth and a contrastive part, which removes D^(1/2)·1', () => {
    for (const edges of ['positive', 'negative', 'absolute']) {
      tf.tidy(() => {
        const a = adjacency();
        const low = streamFilter(a, `${edges}-low` as Stream);
        const high = streamFilter(a, `${edges}-high` as Stream);
        expectClose(tf.add(low, high).dataSync(), tf.eye(regions).dataSync(), { atol: 1e-6, rtol: 0 });
        const part = edges === 'positive' ? tf.relu(a) : edges === 'negative' ? tf.relu(tf.neg(a)) : tf.abs(a);
        const root = tf.sqrt(tf.add(tf.sum(part, 2, true), 1)) as tf.Tensor3D;
        expectClose(tf.matMul(high, root).dataSync(), new Float32Array(regions), { atol: 1e-5, rtol: 0 });
      });
    }
  });

  it('has eigenvalues of the contrastive part within [0, 2], and powers are products', () => {
    tf.tidy(() => {
      const high = streamFilter(adjacency(), 'positive-high');
      // Power iteration on F and on 2·I − F: the largest eigenvalue of each is at most 2.
      for (const matrix of [high, tf.sub(tf.mul(tf.eye(regions), 2), high) as tf.Tensor3D]) {
        let x = tf.tensor3d(normals(regions), [1, regions, 1]);
        for (let i = 0; i < 200; i++) {
          const y = tf.matMul(matrix, x);
          x = tf.div(y, tf.norm(y));
        }
        expect(tf.norm(tf.matMul(matrix, x)).dataSync()[0]).toBeLessThan(2 + 1e-5);
      }
      const cube = streamFilter(adjacency(), 'negative-low', 3);
      const one = streamFilter(adjacency(), 'negative-low');
      expectClose(cube.dataSync(), tf.matMul(tf.matMul(one, one), one).dataSync(), { atol: 1e-6, rtol: 0 });
    });
  });
});

describe('bipolarRelu', () => {
  it('keeps the mean of normal input near zero, where ReLU does not', () => {
    tf.tidy(() => {
      const x = tf.tensor2d(normals(64 * 512), [512, 64]);
      const mean = (y: tf.Tensor) => tf.mean(y).dataSync()[0]!;
      expect(Math.abs(mean(bipolarRelu(x)))).toBeLessThan(0.02);
      expect(mean(bipolarRelu(x, 'relu'))).toBeGreaterThan(0.3);
      const split = bipolarRelu(x, 'split');
      expect(split.shape).toEqual([512, 128]);
      expectClose(
        tf.add(tf.slice(split, [0, 0], [512, 64]), tf.slice(split, [0, 64], [512, 64])).dataSync(),
        x.dataSync(),
      );
    });
  });

  it('passes the gradient of half of the units', () => {
    const x = tf.tensor2d(normals(64 * 512), [512, 64]);
    const passed = tf.tidy(() => tf.mean(tf.grad((v) => tf.sum(bipolarRelu(v as tf.Tensor2D)))(x)).dataSync()[0]!);
    expect(passed).toBeCloseTo(0.5, 2);
    x.dispose();
  });
});

describe('QuadStreamGcn', () => {
  const spec = { regions: 12, features: 5, hidden: [8, 6] as const, dropout: 0 };

  it('does not depend on the order of the regions', () => {
    const model = new QuadStreamGcn(spec);
    const graph = randomGraph(12, 5, 1);
    const order = new Rng(5).permutation(12);
    const [a, b] = [graph, permuted(graph, order)].map((g) => predictQuadStream(model, [g]));
    expectClose(a!, b!, { atol: 1e-6, rtol: 0 });
    model.dispose();
  });

  it('swaps its sign streams when the graph is negated and weights are shared', () => {
    const model = new QuadStreamGcn({ ...spec, shareAcrossSign: true });
    const graph = randomGraph(12, 5, 2);
    const negated = { ...graph, adjacency: graph.adjacency.map((w) => -w) };
    const embed = (g: SignedGraph, stream: Stream) =>
      tf.tidy(() => model.embed(new GraphStore([g], model.spec).batch([0]), stream).dataSync());
    for (const band of ['low', 'high']) {
      expect(embed(graph, `positive-${band}` as Stream)).toEqual(embed(negated, `negative-${band}` as Stream));
      expect(embed(graph, `positive-${band}` as Stream)).not.toEqual(embed(graph, `negative-${band}` as Stream));
    }
    model.dispose();
  });

  it('has the gradients of finite differences, in every parameter', () => {
    const model = new QuadStreamGcn({ ...spec, streams, classes: 3 });
    const store = new GraphStore([randomGraph(12, 5, 3), randomGraph(12, 5, 4)], model.spec);
    const weights = tf.tensor2d(normals(6, 9), [2, 3]);
    const loss = () => tf.tidy(() => tf.sum(tf.mul(model.forward(store.batch([0, 1])), weights)) as tf.Scalar);
    const { grads } = tf.variableGrads(
      loss,
      model.parameters.map(({ variable }) => variable),
    );
    for (const { name, variable } of model.parameters) {
      const gradient = grads[variable.name]!.dataSync() as Float32Array;
      const at = gradient.reduce((best, g, i) => (Math.abs(g) > Math.abs(gradient[best]!) ? i : best), 0);
      const values = variable.dataSync().slice() as Float32Array;
      const lossAt = (delta: number) => {
        const moved = values.slice();
        moved[at]! += delta;
        tf.tidy(() => variable.assign(tf.tensor(moved, variable.shape)));
        return tf.tidy(() => loss().dataSync()[0]!);
      };
      // Near a kink of the rectifier a difference is no derivative: the smaller error of two step sizes counts.
      const errors = [1e-2, 2e-3].map((h) => Math.abs((lossAt(h) - lossAt(-h)) / (2 * h) - gradient[at]!));
      lossAt(0);
      expect(Math.min(...errors), name).toBeLessThan(1e-3 + 2e-2 * Math.abs(gradient[at]!));
    }
    tf.dispose(grads);
    weights.dispose();
    model.dispose();
  });

  it('leaves no tensors behind', () => {
    const before = tf.memory().numTensors;
    const model = new QuadStreamGcn({ regions: 12, hidden: [8, 4] });
    const data = syntheticConnectomes({ difference: 'sign', subjects: 8, regions: 12 });
    fitQuadStream(model, data, { epochs: 2, validation: data });
    predictQuadStream(model, data.graphs);
    explainQuadStream(model, data.graphs[0]!);
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses what does not fit, before it trains', () => {
    const model = new QuadStreamGcn({ regions: 12 });
    const data = syntheticConnectomes({ difference: 'sign', subjects: 4, regions: 16 });
    expect(() => fitQuadStream(model, data)).toThrow(/adjacency must have shape \[12 × 12\]/);
    const bad: LabelledGraphs = { graphs: data.graphs, labels: Int32Array.of(0, 1, 2, 0) };
    expect(() => fitQuadStream(model, bad)).toThrow(/label 2 must be in 0..1, got 2/);
    expect(() => new QuadStreamGcn({ regions: 1 })).toThrow(/regions must be an integer of at least 2/);
    expect(() => new QuadStreamGcn({ regions: 4, streams: [] })).toThrow(/streams must be not empty/);
    model.dispose();
  });
});

/** Accuracy on 100 unseen graphs. */
function learned(difference: 'sign' | 'high-frequency' | 'low-frequency', set: keyof typeof streamSets): number {
  const all = syntheticConnectomes({ difference, subjects: 300 });
  const part = (from: number, to: number): LabelledGraphs => ({
    graphs: all.graphs.slice(from, to),
    labels: all.labels.slice(from, to),
  });
  const features = all.graphs[0]!.features;
  const model = new QuadStreamGcn({
    regions: 24,
    ...(features ? { features: features.length / 24 } : {}),
    hidden: [16, 8],
    streams: streamSets[set],
    dropout: 0.2,
  });
  fitQuadStream(model, part(0, 160), { validation: part(160, 200), epochs: 60, lr: 5e-3, patience: 15 });
  const test = part(200, 300);
  const probabilities = predictQuadStream(model, test.graphs);
  const hits = test.labels.filter((label, i) => probabilities[2 * i + label]! > 0.5).length;
  model.dispose();
  return hits / 100;
}

describe('planted differences', () => {
  it('in the sign of edges are found by the quad-stream network and not by a sign-blind one', () => {
    expect(learned('sign', 'quad')).toBeGreaterThanOrEqual(0.9);
    expect(learned('sign', 'spectrum-only')).toBeLessThanOrEqual(0.6);
  });

  it('at the high end of the spectrum are found by it and not by a low-pass network', () => {
    expect(learned('high-frequency', 'quad')).toBeGreaterThanOrEqual(0.9);
    expect(learned('high-frequency', 'gcn')).toBeLessThanOrEqual(0.6);
  });

  it('at the low end are found by all', () => {
    for (const set of ['quad', 'gcn', 'spectrum-only'] as const) {
      expect(learned('low-frequency', set), set).toBeGreaterThanOrEqual(0.9);
    }
  });
});
