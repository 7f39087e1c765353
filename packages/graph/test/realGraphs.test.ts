import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectClose } from '@strata-ml/testing';
import { describe, expect, it } from 'vitest';
import {
  connectedComponents,
  degreeStatistics,
  type PartitionMethod,
  partition,
  partitionCluster,
  partitionMetrics,
  readEdgeList,
  readMetis,
  readNumberTable,
  writeMetis,
} from '../src/index.js';
import { expectSameGraph } from './support/expectSameGraph.js';
import { dataFolder, hasData, temporaryFolder } from './support/files.js';

interface Entry {
  readonly name: string;
  readonly file: string;
  readonly directed: boolean;
  readonly nodes: number;
  readonly edges: number;
  readonly max_id: number;
  readonly ids_dense_from_zero: boolean;
  readonly weakly_connected_components: number;
  readonly largest_component_nodes: number;
}

const plainGraphs = join(dataFolder, 'plain-graphs');
const entries = hasData('plain-graphs')
  ? (JSON.parse(readFileSync(join(plainGraphs, 'manifest.json'), 'utf8')) as Entry[])
  : [];
const read = (name: string) => readEdgeList(join(plainGraphs, `${name}.tsv.gz`), { compactIds: true });
const files = temporaryFolder();

describe.skipIf(entries.length === 0)('plain-graphs (data folder)', () => {
  it.each(entries)('$name has the counts of the manifest', async (entry) => {
    const path = join(plainGraphs, entry.file);
    // Where ids are dense, those that no edge has are isolated vertices.
    const { graph, edgesInFile, originalIds } = await readEdgeList(path, {
      compactIds: !entry.ids_dense_from_zero,
      directed: entry.directed,
    });
    expect(edgesInFile).toBe(entry.edges);
    expect(graph.numVertices).toBe(entry.nodes);
    expect(graph.indices).toHaveLength(entry.directed ? entry.edges : 2 * entry.edges);
    expect(originalIds?.at(-1) ?? graph.numVertices - 1).toBe(entry.max_id);
    expect(degreeStatistics(graph).selfLoops).toBe(0);
    const { count, sizes } = connectedComponents(graph);
    expect(count).toBe(entry.weakly_connected_components);
    expect(Math.max(...sizes)).toBe(entry.largest_component_nodes);
  });

  it.each(['facebook-combined', 'PGPgiantcompo', 'wing'])(
    'LDG and Fennel cut %s less than random does, within the cap; more passes cut less still',
    async (name) => {
      const { graph } = await read(name);
      const cut = (method: PartitionMethod, parts: number, passes = 1) => {
        const partOf = partition(graph, parts, { method, passes });
        const metrics = partitionMetrics(graph, partOf);
        const largest = Math.max(...metrics.partSizes);
        expect(largest).toBeLessThanOrEqual(Math.floor((1.1 * graph.numVertices) / parts));
        return metrics.cutRatio;
      };
      for (const parts of [4, 16]) {
        const random = cut('random', parts);
        expectClose([random], [1 - 1 / parts], { rtol: 0, atol: 0.02, why: 'sampling error' });
        for (const method of ['ldg', 'fennel'] as const) {
          const once = cut(method, parts);
          expect(once).toBeLessThan(0.9 * random);
          expect(cut(method, parts, 5)).toBeLessThan(once);
        }
      }
    },
  );

  it('a two-level Fennel partition sends fewer rows between servers than a flat one with ranks in any order', async () => {
    const { graph } = await read('ca-AstroPh');
    const measure = (partOf: Int32Array) => partitionMetrics(graph, partOf, { devicesPerServer: [4, 4] });
    const twoLevel = measure(partitionCluster(graph, [4, 4], { passes: 3 }));
    const flat = measure(partition(graph, 8, { passes: 3 }));
    expect(twoLevel.haloRowsInter).toBeLessThan(flat.haloRowsInter);
    expect(twoLevel.interServerCut).toBeLessThan(flat.interServerCut);
  });

  it('email-Enron survives the METIS format', async () => {
    const { graph } = await read('email-Enron');
    const path = files.path('enron.graph.gz');
    await writeMetis(path, graph);
    expectSameGraph((await readMetis(path)).graph, graph);
  });
});

describe.skipIf(!hasData('p2p-31'))('p2p-31 (data folder)', () => {
  it('has the published counts, weights, and the components that libgrape-lite found', async () => {
    const path = (name: string) => join(dataFolder, 'p2p-31', name);
    const { graph, edgesInFile, originalIds } = await readEdgeList(path('p2p-31.e.gz'), {
      compactIds: true,
      directed: true,
    });
    expect([edgesInFile, graph.numVertices]).toEqual([147_892, 62_586]);
    expect(graph.indices).toHaveLength(147_892);
    expect(graph.weights).toHaveLength(147_892);
    const { values, rows } = await readNumberTable(path('p2p-31-WCC.gz'), { dtype: 'int32' });
    const { count, labels } = connectedComponents(graph);
    expect([rows, count]).toEqual([62_586, 12]);
    const pairs = new Set<string>();
    for (let v = 0; v < rows; v++) {
      expect(values[2 * v]).toBe(originalIds![v]);
      pairs.add(`${values[2 * v + 1]}=${labels[v]}`);
    }
    expect(pairs.size).toBe(12);
  });
});
