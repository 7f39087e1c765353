import { initEngine, parseCluster } from '@strata-ml/core';
import { fitAlpha, type PlanOptions, planTraining, predictCoarse, trainGnn } from '@strata-ml/gnn-dist';
import { partitionCluster } from '@strata-ml/graph';
import { createGnn, type GnnSpec, resolveGnnSpec } from '@strata-ml/models';
import { describe, expect, it } from 'vitest';
import { countParameters } from '../src/planner/countParameters.js';
import { awkwardGraph } from './support/data.js';

const data = awkwardGraph(80, { sparse: false });
const rates = { denseMacsPerS: 1e9, sparseFloatsPerS: 1e9, parallelDevices: 4 };
const partition = partitionCluster(data.graph, [2, 2], { method: 'fennel', seed: 2 });
const cluster = (more: object = {}) => parseCluster({ servers: 2, devicesPerServer: 2, ...more });
const options: PlanOptions = {
  model: { model: 'sage', layers: 3, hidden: 8 },
  cluster: cluster({ interLink: { bandwidth: '1Mbps' } }),
  partition,
  rates,
  epochs: 2,
};

describe('planTraining', () => {
  it('counts the bytes that runs then send', async () => {
    const { alternatives } = await planTraining(data, options);
    const fast = { ...options, cluster: cluster() };
    for (const name of ['full-graph', 'flx k=2', 'flx-eas h=1 f=15']) {
      const planned = alternatives.find((a) => a.name === name)!;
      const { rates: _, ...run } = fast;
      const { metrics } = await trainGnn(data, { ...run, ...planned.options });
      expect(metrics.interBytesPerEpoch, name).toBe(planned.interBytesPerEpoch);
      expect(metrics.intraBytesPerEpoch, name).toBe(planned.intraBytesPerEpoch);
      expect(metrics.preload.interBytes, name).toBe(planned.setupInterBytes);
    }
  });

  it('prefers copies on slow links, and exchange where links cost nothing and copies do', async () => {
    const slow = await planTraining(data, options);
    expect(slow.chosen?.name).toBe('flx k=3');
    expect(slow.alternatives.find((a) => a.name === 'full-graph')!.parts.inter).toBeGreaterThan(0.01);
    const fast = await planTraining(data, { ...options, cluster: cluster() });
    // Copying halo features anew in every epoch costs a little even without links; one hop of copies saves that.
    expect(fast.chosen?.name).toBe('flx k=1');
    const once = await planTraining(data, { ...options, cluster: cluster(), haloFeatures: 'once' });
    expect(once.chosen?.name).toBe('full-graph');
    const secondsOf = (name: string) => once.alternatives.find((a) => a.name === name)!.parts.compute;
    expect(secondsOf('flx k=2')).toBeGreaterThan(secondsOf('full-graph'));
    expect(secondsOf('flx k=3')).toBeGreaterThan(secondsOf('flx k=2'));
    expect(slow.rowsByHops[0]).toBe(80);
    expect(slow.rowsByHops).toEqual([...slow.rowsByHops].sort((a, b) => a - b));
  });

  it('a smaller budget gives fewer preloaded hops, then mini-batches, then nothing', async () => {
    const need = (await planTraining(data, options)).alternatives;
    const bytes = (name: string) => Math.max(...need.find((a) => a.name === name)!.deviceBytes);
    const slow = cluster({ interLink: { bandwidth: '1Mbps' } });
    const within = (deviceMemoryBytes: number) =>
      planTraining(data, { ...options, cluster: { ...slow, deviceMemoryBytes } });
    const tight = await within(Math.ceil(bytes('flx k=3')) - 1);
    expect(tight.chosen?.name).not.toBe('flx k=3');
    expect(tight.chosen?.fits).toBe(true);
    const none = await within(100);
    expect(none.chosen).toBeUndefined();
    expect(none.reason).toMatch(/nothing fits/);
  });
});

describe('the coarse model', () => {
  const base = {
    vertices: 1e6,
    meanDegree: 10,
    layers: 3,
    servers: 4,
    devicesPerServer: 4,
    verticesPerS: 1e6,
    intraRowsPerS: 1e9,
    interRowsPerS: 1e6,
    alpha: Math.log10(2),
    easGrowth: 1.2,
  };

  it('has the break-even of the paper’s example, 0.7, and crosses there', () => {
    const { breakEven } = predictCoarse(base);
    expect(breakEven).toBeCloseTo(0.7, 10);
    const at = (ratio: number) => predictCoarse({ ...base, intraRowsPerS: Infinity, interRowsPerS: 1e6 / ratio });
    // (1 − 1/S) of the traffic crosses servers, which the paper's rule leaves out.
    const crossing = breakEven / (1 - 1 / base.servers);
    expect(at(crossing * 1.01).flx).toBeLessThan(at(crossing * 1.01).fullGraph);
    expect(at(crossing * 0.99).flx).toBeGreaterThan(at(crossing * 0.99).fullGraph);
  });

  it('finds α from hop sets', () => {
    expect(fitAlpha([100, 200, 400, 800], 10)).toBeCloseTo(Math.log10(2), 12);
    expect(fitAlpha([100], 10)).toBe(0);
  });
});

it.each<Partial<GnnSpec> & Pick<GnnSpec, 'model'>>([
  { model: 'gcn' },
  { model: 'sage', finalLinearLayers: 2 },
  { model: 'gat', layers: 3 },
  { model: 'resSage', layers: 4, norm: 'batch' },
])('countParameters($model) is what createGnn makes', async (spec) => {
  await initEngine({ prefer: 'cpu' });
  const resolved = resolveGnnSpec({ inputWidth: 11, numClasses: 5, hidden: 8, ...spec });
  const model = createGnn(resolved);
  expect(countParameters(resolved)).toBe(model.parameters.reduce((sum, { variable }) => sum + variable.size, 0));
  model.dispose();
});
