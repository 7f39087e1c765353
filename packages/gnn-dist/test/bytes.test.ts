import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataRoots, loadNodeDataset } from '@strata-ml/datasets';
import { trainGnn } from '@strata-ml/gnn-dist';
import { messageGraph, partitionCluster } from '@strata-ml/graph';
import { describe, expect, it } from 'vitest';

const hasData = dataRoots().some((root) => existsSync(join(root, 'cora', 'meta.json')));
const hidden = 16;

/** The closed form, counted from the definition with sets: rows that cross, by link class. */
async function closedForm(
  name: string,
  shape: readonly number[],
  partOf: Int32Array,
  widths: number[],
  encoder: boolean,
) {
  const { graph } = await loadNodeDataset(name);
  const message = messageGraph(graph);
  const serverOf = shape.flatMap((devices, server) => new Array<number>(devices).fill(server));
  const seen = { intra: new Set<number>(), inter: new Set<number>() };
  for (let v = 0; v < graph.numVertices; v++) {
    for (let e = Number(message.indptr[v]); e < Number(message.indptr[v + 1]); e++) {
      const u = message.indices[e]!;
      const [reader, owner] = [partOf[v]!, partOf[u]!];
      if (reader === owner) continue;
      seen[serverOf[reader] === serverOf[owner] ? 'intra' : 'inter'].add(reader * graph.numVertices + u);
    }
  }
  const all = widths.reduce((a, b) => a + b, 0);
  const factor = 4 * (all + (encoder ? all : all - widths[0]!));
  return { intra: factor * seen.intra.size, inter: factor * seen.inter.size };
}

describe.skipIf(!hasData)('bytes on the wire equal the closed form (needs the local data sets)', () => {
  const cases = ['cora', 'citeseer', 'amazon-photo'].flatMap((name) =>
    [
      ['1x4', [4], 'gcn', 2],
      ['2x2', [2, 2], 'sage', 3],
      ['2x3', [3, 3], 'resSage', 2],
    ].map((rest) => [name, ...rest] as [string, string, number[], 'gcn' | 'sage' | 'resSage', number]),
  );

  it.each(cases)('%s on %s', async (name, cluster, shape, model, layers) => {
    const set = await loadNodeDataset(name);
    const { features, splits } = set;
    if (features.kind === 'none') throw new Error(`${name} has no features`);
    const partition = partitionCluster(set.graph, shape, { method: 'fennel', seed: 5 });
    const report = await trainGnn(
      { ...set, features, split: splits[0]! },
      { epochs: 2, evalEvery: 2, model: { model, layers, hidden }, cluster, partition },
    );
    const encoder = model === 'resSage';
    const widths = Array.from({ length: layers }, (_, l) => (l === 0 && !encoder ? set.numFeatures : hidden));
    const expected = await closedForm(name, shape, partition, widths, encoder);
    expect(report.metrics.interBytesPerEpoch).toBe(expected.inter);
    expect(report.metrics.intraBytesPerEpoch).toBe(expected.intra);
    expect(report.metrics.predicted).toEqual({
      interBytesPerEpoch: expected.inter,
      intraBytesPerEpoch: expected.intra,
    });
  });
});
