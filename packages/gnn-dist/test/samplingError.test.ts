import { expansionAwareSample, samplingError, trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph } from '@strata-ml/graph';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import { spectralNorm } from '../src/diagnose/samplingError.js';
import { awkwardGraph } from './support/data.js';

const data = awkwardGraph(60, { sparse: false });
const serverOf = Int32Array.from({ length: 60 }, (_, v) => (v * 7) % 3);

describe('samplingError', () => {
  it('is zero with all neighbours, and what loops over the definition give with few', async () => {
    const model = await trainGnn(data, { epochs: 3, model: { model: 'sage', layers: 1, hidden: 8, dropout: 0 } });
    const all = await samplingError(model, data, serverOf, { fanout: Number.POSITIVE_INFINITY });
    expect(all.perLayer).toEqual([0]);
    expect(all.droppedEdges).toBe(0);

    const few = await samplingError(model, data, serverOf, { fanout: 1 });
    const graph = messageGraph(data.graph);
    const features = (data.features as { values: Float32Array }).values;
    const weight = model.weights['conv1.neigh.weight']!;
    const project = (v: number, c: number) => {
      let sum = 0;
      for (let f = 0; f < 10; f++) sum += features[v * 10 + f]! * weight.data[f * 3 + c]!;
      return sum;
    };
    let total = 0;
    let boundary = 0;
    for (const s of [0, 1, 2]) {
      const inner = Int32Array.from(serverOf.keys()).filter((v) => serverOf[v] === s);
      const { hopOf } = expansionAwareSample(graph, inner, { fanout: 1 });
      for (const v of inner) {
        const list = [...graph.indices.subarray(graph.indptr[v]!, graph.indptr[v + 1]!)];
        const held = list.filter((u) => hopOf[u]! >= 0);
        const mean = (us: number[], c: number) => us.reduce((sum, u) => sum + project(u, c), 0) / us.length;
        total += Math.hypot(...[0, 1, 2].map((c) => mean(list, c) - mean(held, c)));
        if (list.some((u) => serverOf[u] !== s)) boundary++;
      }
    }
    expectClose(few.perLayer, [total / 60], { rtol: 1e-5 });
    expect(few.beta).toBeCloseTo(boundary / 60, 12);
    expectClose([few.total], [few.perLayer[0]! * 60], { rtol: 1e-12 });
  });

  it('falls as more neighbours are kept, in every layer', async () => {
    const model = await trainGnn(data, { epochs: 3, model: { model: 'sage', layers: 3, hidden: 8 } });
    const few = await samplingError(model, data, serverOf, { fanout: 1 });
    const many = await samplingError(model, data, serverOf, { fanout: 8 });
    many.perLayer.forEach((error, l) => {
      expect(error).toBeLessThan(few.perLayer[l]!);
    });
    expect(many.total).toBeLessThan(few.total);
  });
});

it('spectralNorm is the largest singular value', () => {
  expect(spectralNorm(Float32Array.of(3, 0, 0, 0, -5, 0), 2, 3)).toBeCloseTo(5, 9);
  expect(spectralNorm(Float32Array.of(1, 2, 3, 2, 4, 6), 2, 3)).toBeCloseTo(Math.sqrt(70), 5);
  expect(spectralNorm(new Float32Array(4), 2, 2)).toBe(0);
});
