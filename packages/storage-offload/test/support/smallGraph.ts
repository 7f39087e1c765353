/** Small graphs with everything that goes wrong: isolated vertices, parts without training vertices, empty parts. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '@strata-ml/core';
import { type CsrGraph, csrFromEdges, messageGraph, symmetrizeGraph } from '@strata-ml/graph';
import {
  createGnn,
  createOptimizer,
  crossEntropySum,
  flattenParameters,
  type GnnSpec,
  localGraphContext,
  lossAndGradients,
  type OptimizerSpec,
  unflattenParameters,
} from '@strata-ml/models';
import { denseFeatures } from '../../src/prepare/FeatureRows.js';
import type { GraphSource } from '../../src/prepare/options.js';
import { prepareGraph } from '../../src/prepare/prepareGraph.js';
import type { GraphStore } from '../../src/store/GraphStore.js';

export interface SmallGraph {
  readonly graph: CsrGraph;
  readonly features: Float32Array;
  readonly width: number;
  readonly classes: number;
  readonly labels: Int32Array;
  readonly train: Int32Array;
  readonly source: GraphSource;
}

/** Random symmetric edges with hubs; the last `isolated` vertices have none. */
export function smallGraph({
  vertices = 60,
  degree = 4,
  width = 7,
  classes = 4,
  isolated = 3,
  seed = 1,
} = {}): SmallGraph {
  const rng = new Rng(seed);
  const edges = vertices * degree;
  const linked = vertices - isolated;
  // Squaring a uniform number makes low ids hubs.
  const end = (i: number, j: number) => Math.floor(linked * rng.uniformAt(i, j) ** (j + 1));
  const sources = Int32Array.from({ length: edges }, (_, i) => end(i, 0));
  const targets = Int32Array.from({ length: edges }, (_, i) => end(i, 1));
  const graph = symmetrizeGraph(csrFromEdges({ numVertices: vertices, sources, destinations: targets }));
  const features = Float32Array.from({ length: vertices * width }, (_, i) => rng.normalAt(i, 7));
  const labels = Int32Array.from({ length: vertices }, (_, v) => rng.intAt(classes, v, 9));
  const all = Array.from({ length: vertices }, (_, v) => v);
  // Vertices 20 to 29 never train: tests make a part of them.
  const train = Int32Array.from(all.filter((v) => v % 2 === 0 && (v < 20 || v >= 30)));
  const val = Int32Array.from(all.filter((v) => v % 4 === 1));
  const test = Int32Array.from(all.filter((v) => v % 4 === 3));
  const source = { graph, features: denseFeatures(features, width), labels, classes, split: { train, val, test } };
  return { graph, features, width, classes, labels, train, source };
}

/** Part of each vertex: part 1 holds the vertices that never train, and the last of many parts is empty. */
function awkwardParts(vertices: number, parts: number): Int32Array {
  if (parts === 1) return new Int32Array(vertices);
  const used = parts > 4 ? parts - 1 : parts;
  return Int32Array.from({ length: vertices }, (_, v) => {
    if (v >= 20 && v < 30) return 1;
    const part = (v * 7) % used;
    return part === 1 ? 0 : part;
  });
}

/** Prepares a graph in a new folder, hands it to `body` and cleans up. */
export async function withStore<T>(
  small: SmallGraph,
  parts: number,
  body: (store: GraphStore) => Promise<T>,
  partition: Int32Array = awkwardParts(small.labels.length, parts),
): Promise<T> {
  const root = mkdtempSync(join(tmpdir(), 'strata-offload-'));
  try {
    const store = await prepareGraph(small.source, { folder: join(root, 'graph'), parts, partition, blockSize: 4096 });
    try {
      return await body(store);
    } finally {
      await store.close();
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** The network without partitions or drives: what every offloaded run must equal. */
export function wholeGraph(small: SmallGraph, spec: Omit<GnnSpec, 'inputWidth' | 'numClasses'>, seed = 1) {
  const model = createGnn({ seed, ...spec, inputWidth: small.width, numClasses: small.classes });
  const features = { kind: 'dense', values: small.features } as const;
  const context = localGraphContext({ graph: messageGraph(small.graph), features, rng: new Rng(seed) });
  const step = (epoch: number) =>
    lossAndGradients(model.parameters, () =>
      crossEntropySum(
        model.forward(context.at({ epoch, training: true })),
        small.labels,
        small.train,
        small.train.length,
      ),
    );
  return {
    model,
    step,
    train(epochs: number, optimizer: OptimizerSpec = {}) {
      const rule = createOptimizer(optimizer);
      for (let epoch = 1; epoch <= epochs; epoch++) {
        const { gradients } = step(epoch);
        const parameters = flattenParameters(model.parameters);
        rule.step(parameters, gradients);
        unflattenParameters(parameters, model.parameters);
      }
      return flattenParameters(model.parameters);
    },
    dispose() {
      context.dispose();
      model.dispose();
    },
  };
}
