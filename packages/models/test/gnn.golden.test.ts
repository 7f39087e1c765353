import { Rng } from '@strata-ml/core';
import { expectClose } from '@strata-ml/testing';
import * as tf from '@tensorflow/tfjs-core';
import { expect, it } from 'vitest';
import { bceSum, createGnn, crossEntropySum, type GnnSpec, localGraphContext, lossAndGradients } from '../src/index.js';
import { describeEachEngine } from './support/describeEachEngine.js';
import { golden, messageGraphOf, sparseOf } from './support/goldenGraph.js';

const values = Float32Array.from(golden.features.data);
const graph = messageGraphOf(golden.numVertices, golden.edges);
const labels = Int32Array.from(golden.labels);
const rows = Int32Array.from(golden.rows);
const { divisor } = golden;
const why = 'float32 against PyTorch in float64';

describeEachEngine('graph networks', () => {
  const title = (c: (typeof golden.cases)[number]) => JSON.stringify(c.spec);
  const both = golden.cases.flatMap((c) => (['csr', 'dense'] as const).map((kind) => ({ c, kind, title: title(c) })));

  it.each(both)('equal PyTorch, forward and every gradient: $title, $kind features', ({ c, kind }) => {
    const features =
      kind === 'csr' ? ({ kind, csr: sparseOf(values, golden.numVertices) } as const) : ({ kind, values } as const);
    const spec = { hidden: golden.hidden, inputWidth: golden.features.shape[1]!, numClasses: golden.numClasses };
    const model = createGnn({ ...spec, dropout: 0, ...c.spec } as GnnSpec);
    // Not a reordering: the stable order is the order in which the layers run.
    expect(model.parameters.map(({ name }) => name).sort()).toEqual(Object.keys(c.parameters).sort());
    for (const { name, variable } of model.parameters) {
      expect(variable.shape).toEqual(c.parameters[name]!.shape);
      variable.assign(tf.tensor(c.parameters[name]!.data, c.parameters[name]!.shape));
    }
    const context = localGraphContext({ graph, features, rng: new Rng(1), training: true });
    const check = (gradients: Float32Array, expected: (typeof c)['gradients']) => {
      let at = 0;
      for (const { name, variable } of model.parameters) {
        const largest = Math.max(...Object.values(expected).flatMap(({ data }) => data.map(Math.abs)));
        const got = gradients.subarray(at, at + variable.size);
        expectClose(got, expected[name]!.data, { rtol: 1e-5, atol: 1e-6 * largest, why });
        at += variable.size;
      }
    };
    let logits: Float32Array | undefined;
    const ce = lossAndGradients(model.parameters, () => {
      const out = model.forward(context);
      logits = out.dataSync<'float32'>().slice();
      return crossEntropySum(out, labels, rows, divisor);
    });
    expectClose(logits!, c.logits.data, { why });
    expectClose([ce.loss], [c.loss], { why });
    check(ce.gradients, c.gradients);
    for (const { name, data } of model.state()) expectClose(data, c.buffers[name]!.data, { why });
    expect(model.state().length).toBe(Object.keys(c.buffers).length);

    const multiLabels = Uint8Array.from(golden.multiLabels);
    const bce = lossAndGradients(model.parameters, () => bceSum(model.forward(context), multiLabels, rows, divisor));
    expectClose([bce.loss], [c.bce], { why });
    check(bce.gradients, c.bceGradients);
    model.dispose();
    context.dispose();
  });
});
