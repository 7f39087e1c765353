import { OptionError, Rng, ShapeError } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import {
  accuracy,
  addBias,
  createGnn,
  createOptimizer,
  crossEntropySum,
  exchangeWidths,
  flattenParameters,
  type GnnSpec,
  localGraphContext,
  lossAndGradients,
  parameterCount,
  unflattenParameters,
} from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { golden, messageGraphOf, sparseOf } from './support/goldenGraph.js';

const n = golden.numVertices;
const width = golden.features.shape[1]!;
const values = Float32Array.from(golden.features.data);
// Vertices that share all neighbours (8, 9 and 10) look alike to a GCN, so they share a class.
const labels = Int32Array.from({ length: golden.numVertices }, (_, v) => (v < 3 ? 0 : v < 8 ? 1 : 2));
const base = { hidden: 6, inputWidth: width, numClasses: 3 } as const;
const models = ['gcn', 'sage', 'gat', 'resSage'] as const;
const features = { kind: 'csr', csr: sparseOf(values, n) } as const;
const graph = messageGraphOf(n, golden.edges);

const spec = (model: GnnSpec['model'], more: Partial<GnnSpec> = {}): GnnSpec => ({
  ...base,
  model,
  layers: 2,
  ...(model === 'gat' ? { heads: 2 } : {}),
  ...more,
});

describeEachEngine('createGnn', () => {
  it.each(models)('%s: renaming the vertices renames the outputs, for every norm', (model) => {
    const property = fc.property(
      fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n }),
      fc.constantFrom('none', 'layer', 'batch'),
      (order, norm) => {
        const network = createGnn(spec(model, { norm, dropout: 0 }));
        const moved = new Float32Array(values.length);
        order.forEach((to, v) => {
          moved.set(values.subarray(v * width, (v + 1) * width), to * width);
        });
        const run = (g: typeof graph, x: Float32Array) => {
          const context = localGraphContext({ graph: g, features: { kind: 'dense', values: x }, rng: new Rng(1) });
          const out = network.forward(context.at({ training: true })).dataSync<'float32'>();
          context.dispose();
          return out;
        };
        const plain = run(graph, values);
        const renamed = run(messageGraphOf(n, golden.edges, order), moved);
        const expected = new Float32Array(plain.length);
        order.forEach((to, v) => {
          expected.set(plain.subarray(v * 3, (v + 1) * 3), to * 3);
        });
        network.dispose();
        expectClose(renamed, expected, { rtol: 1e-4, atol: 1e-5, why: 'sums run in another order' });
      },
    );
    fc.assert(property, { numRuns: 8 });
  });

  it.each(models)('%s: masks depend on epoch, seed and vertex, not on how features are stored', (model) => {
    const network = createGnn(spec(model, { dropout: 0.4 }));
    const run = (kind: 'csr' | 'dense', seed: number, epoch: number, training = true) => {
      const x = kind === 'csr' ? features : ({ kind, values } as const);
      const context = localGraphContext({ graph, features: x, rng: new Rng(seed), epoch, training });
      const out = network.forward(context).dataSync<'float32'>().slice();
      context.dispose();
      return out;
    };
    const first = run('csr', 1, 0);
    expectClose(run('dense', 1, 0), first);
    expect([...run('csr', 1, 0)]).toEqual([...first]);
    expect([...run('csr', 1, 1)]).not.toEqual([...first]);
    expect([...run('csr', 2, 0)]).not.toEqual([...first]);
    const context = localGraphContext({ graph, features, rng: new Rng(1) });
    for (const epoch of [1, 0]) {
      // One context for all epochs: what it keeps of an epoch must not leak into the next.
      const out = network.forward(context.at({ epoch, training: true })).dataSync();
      expect([...out]).toEqual([...run('csr', 1, epoch)]);
    }
    context.dispose();
    expect([...run('csr', 2, 5, false)]).toEqual([...run('csr', 1, 0, false)]);
    network.dispose();
  });

  it.each(models)('%s: initial parameters depend on seed and name only, within their bounds', (model) => {
    const [small, deep, other] = [
      createGnn(spec(model)),
      createGnn(spec(model, { layers: 3 })),
      createGnn(spec(model, { seed: 2 })),
    ];
    const byName = (m: typeof small) => new Map(m.parameters.map((p) => [p.name, p.variable]));
    // Layer 1 of two and of three convolutions has the same shape and name, so the same values.
    for (const { name, variable } of small.parameters.filter((p) => /^(conv1|input)/.test(p.name))) {
      expect([...byName(deep).get(name)!.dataSync()]).toEqual([...variable.dataSync()]);
      if (name.endsWith('weight')) {
        const drawn = variable.dataSync();
        expect([...byName(other).get(name)!.dataSync()]).not.toEqual([...drawn]);
        const [fanIn, fanOut] = variable.shape as [number, number];
        const glorot = model === 'gcn' || model === 'gat';
        const bound = glorot ? Math.sqrt(6 / (fanIn + fanOut)) : 1 / Math.sqrt(fanIn);
        const largest = Math.max(...drawn.map(Math.abs));
        expect(largest).toBeLessThanOrEqual(bound * (1 + 1e-6));
        expect(largest).toBeGreaterThan(0.8 * bound);
      }
      if (name.endsWith('bias')) {
        const isZero = variable.dataSync().every((v) => v === 0);
        expect(isZero).toBe(model === 'gcn' || model === 'gat');
      }
    }
    // The same names at other positions in the list: with and without norms.
    const normed = createGnn(spec(model, { norm: model === 'gcn' || model === 'gat' ? 'layer' : 'none' }));
    for (const { name, variable } of small.parameters) {
      const same = byName(normed).get(name);
      if (same && !name.startsWith('norm')) expect([...same.dataSync()]).toEqual([...variable.dataSync()]);
    }
    for (const m of [small, deep, other, normed]) m.dispose();
  });

  it.each(models)('%s: learns three classes by heart, the same twice, and leaves no tensors', (model) => {
    const train = () => {
      const network = createGnn(spec(model, { hidden: 16, dropout: 0.1, norm: 'layer' }));
      const context = localGraphContext({ graph, features, rng: new Rng(3) });
      const optimizer = createOptimizer({ lr: 0.05 });
      const params = flattenParameters(network.parameters);
      const all = Int32Array.from({ length: n }, (_, v) => v);
      const before = tf.memory().numTensors;
      for (let epoch = 0; epoch < 60; epoch++) {
        const step = context.at({ epoch, training: true });
        const loss = () => crossEntropySum(network.forward(step), labels, all, n);
        optimizer.step(params, lossAndGradients(network.parameters, loss).gradients);
        unflattenParameters(params, network.parameters);
      }
      expect(tf.memory().numTensors).toBe(before);
      const { value } = accuracy(network.forward(context), labels, all);
      network.dispose();
      context.dispose();
      return { value, params };
    };
    const [one, two] = [train(), train()];
    expect(one.value).toBeGreaterThanOrEqual(0.9);
    expect([...two.params]).toEqual([...one.params]);
  });

  it.each(models)('%s: a watcher sees every gradient once, complete, and none when it has left', (model) => {
    const network = createGnn(spec(model, { norm: 'layer', layers: 3, dropout: 0.3 }));
    const context = localGraphContext({ graph, features, rng: new Rng(1), training: true });
    const all = Int32Array.from({ length: n }, (_, v) => v);
    const pass = () =>
      lossAndGradients(network.parameters, () => crossEntropySum(network.forward(context), labels, all, n)).gradients;
    const plain = pass();
    const seen = new Map<number, Float32Array>();
    network.watchGradients((index, gradient) => {
      expect(seen.has(index)).toBe(false);
      seen.set(index, gradient.dataSync<'float32'>().slice());
    });
    expectClose(pass(), plain);
    network.watchGradients(undefined);
    expectClose(
      network.parameters.flatMap((_, index) => [...seen.get(index)!]),
      plain,
    );
    const last = seen.size;
    pass();
    expect(seen.size).toBe(last);
    // A network's last bias is the first gradient that is complete.
    expect(network.parameters[[...seen.keys()][0]!]!.name).toMatch(/bias$/);
    network.dispose();
    context.dispose();
  });

  it('runs on a graph whose device owns no rows', () => {
    const empty = { numVertices: 0, indptr: Int32Array.of(0), indices: new Int32Array(0) };
    const none = { rows: 0, cols: width, indptr: Int32Array.of(0), indices: new Int32Array(0) };
    for (const model of models) {
      const network = createGnn(spec(model));
      const context = localGraphContext({ graph: empty, features: { kind: 'csr', csr: none }, rng: new Rng(1) });
      const step = context.at({ training: true });
      const nothing = new Int32Array(0);
      const { loss, gradients } = lossAndGradients(network.parameters, () =>
        crossEntropySum(network.forward(step), nothing, nothing, 5),
      );
      expect(loss).toBe(0);
      expect(gradients.every((g) => g === 0)).toBe(true);
      network.dispose();
      context.dispose();
    }
  });

  it('keeps parameters through flatten and unflatten, and checks lengths', () => {
    const network = createGnn(spec('sage'));
    const flat = flattenParameters(network.parameters);
    expect(flat.length).toBe(parameterCount(network.parameters));
    const changed = flat.map((v) => v + 1);
    unflattenParameters(changed, network.parameters);
    changed.fill(0); // the model keeps its own copy
    expect([...flattenParameters(network.parameters)]).toEqual([...flat.map((v) => v + 1)]);
    expect(() => flattenParameters(network.parameters, new Float32Array(3))).toThrow(ShapeError);
    expect(() => unflattenParameters(new Float32Array(3), network.parameters)).toThrow(ShapeError);
    network.dispose();
  });

  it('gives zeros to parameters that the loss does not reach', () => {
    const network = createGnn(spec('gcn', { norm: 'none' }));
    const bias = network.parameters.at(-1)!.variable as tf.Variable<tf.Rank.R1>;
    const weight = network.parameters.at(-2)!.variable;
    const loss = () => crossEntropySum(addBias(tf.zeros([1, 3]), bias), Int32Array.of(0), Int32Array.of(0), 1);
    const used = new Float32Array(parameterCount(network.parameters)).fill(Number.NaN);
    const { gradients } = lossAndGradients(network.parameters, loss, used);
    expect(gradients).toBe(used);
    expect(gradients.subarray(0, -3).every((g) => g === 0)).toBe(true);
    expect(gradients.subarray(-3).some((g) => g !== 0)).toBe(true);
    expect(weight.shape).toEqual([6, 3]);
    network.dispose();
  });

  it.each([
    [{ model: 'gnc' }, 'model must be one of gcn, sage, gat, resSage, custom, got "gnc"'],
    [{ layers: 0 }, 'layers must be an integer ≥ 1, got 0'],
    [{ hidden: 2.5 }, 'hidden'],
    [{ dropout: 1 }, 'dropout must be in [0, 1), got 1'],
    [{ dropout: Number.NaN }, 'dropout'],
    [{ norm: 'group' }, 'norm must be one of none, layer, batch'],
    [{ finalLinearLayers: 3 }, 'finalLinearLayers must be 0, 1 or 2'],
    [{ model: 'resSage', finalLinearLayers: 1 }, 'finalLinearLayers must be 0 for resSage'],
    [{ heads: 2 }, 'heads must be 1 for gcn'],
    [{ model: 'gat', heads: 4 }, 'heads must be a divisor of hidden (6)'],
    [{ init: 'zero' }, 'init must be one of glorot, uniform'],
    [{ seed: 0.5 }, 'seed must be an integer'],
  ])('refuses %j and says why', (wrong, message) => {
    const make = () => createGnn({ ...base, model: 'gcn', ...wrong } as GnnSpec);
    expect(make).toThrow(OptionError);
    expect(make).toThrow(message);
  });

  it('refuses features whose rows are not the graph’s, and missing ones', () => {
    const make = (f: Parameters<typeof localGraphContext>[0]['features']) =>
      localGraphContext({ graph, features: f, rng: new Rng(1) });
    expect(() => make({ kind: 'csr', csr: sparseOf(values.subarray(width), n - 1) })).toThrow(ShapeError);
    expect(() => make({ kind: 'dense', values: new Float32Array(13) })).toThrow(ShapeError);
    expect(() => make({ kind: 'none' })).toThrow(OptionError);
  });

  it('tells the widths that the convolutions exchange', () => {
    const widths = (model: GnnSpec['model']) => {
      const network = createGnn(spec(model, { layers: 3 }));
      network.dispose();
      return exchangeWidths(network.spec);
    };
    expect(widths('gcn')).toEqual([width, 6, 6]);
    expect(widths('resSage')).toEqual([6, 6, 6]);
  });
});
