/**
 * How much a sample changes what layers aggregate: the error that GraNNDis (PACT 2024, arXiv:2311.06837) bounds, measured.
 *
 * Every layer gets the exact rows of the layer before; its sum over all in-neighbours is compared with its sum over the
 * in-neighbours that the server of the vertex holds.
 */
import { initEngine, OptionError, Rng } from '@strata-ml/core';
import { type CsrGraph, messageGraph } from '@strata-ml/graph';
import { readTensor, SparseOperator, spmm } from '@strata-ml/kernels';
import {
  type GraphContext,
  importLayer,
  localGraphContext,
  type Normaliser,
  normalisedWeights,
  normaliseFeatures,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { GraphData } from '../data.js';
import { type EasSampleOptions, expansionAwareSample } from '../sample/expansionAware.js';
import { inducedDegrees } from '../sample/sampledDegrees.js';
import { restoreNetwork, type TrainedModel } from '../savedModel.js';

/** What {@link samplingError} reports. */
export interface SamplingError {
  /** ε_l: mean Euclidean length of the difference of row sums in layer l, from layer 1. */
  readonly perLayer: readonly number[];
  /** Σ_l ε_l · |V| · Π_{j > l} Lip_j. */
  readonly total: number;
  /** Lip_l: largest singular values of the layer's weights, added. */
  readonly lipschitz: readonly number[];
  /** Share of vertices that read another server. */
  readonly beta: number;
  /** Share of stored edges that no server's sample holds. */
  readonly droppedEdges: number;
}

/**
 * Measures the sampling error of `flx-eas` on a trained model.
 *
 * In the first layer of gcn and sage, projected features are compared, in the others the rows that enter. One device,
 * no dropout; cost: one forward pass and one extra sum per layer.
 *
 * @param serverOf - server of each vertex, int32 `[n]`
 * @throws {@link OptionError} for gat, whose weights of edges are no fixed sum.
 */
export async function samplingError(
  model: TrainedModel,
  data: GraphData,
  serverOf: Int32Array,
  options: EasSampleOptions = {},
): Promise<SamplingError> {
  if (model.spec.model === 'gat')
    throw new OptionError('samplingError', 'model', 'gat', 'gcn, sage, resSage or custom');
  await initEngine({});
  const graph = messageGraph(data.graph);
  const sampled = sampledGraph(graph, serverOf, options);
  const network = restoreNetwork(model, await importLayer(model.spec));
  const features = normaliseFeatures(data.features, data.numFeatures, model.featureNorm);
  const exact = localGraphContext({ graph, features, rng: new Rng(1) });
  const context = new ComparingContext(exact, sampled);
  try {
    tf.tidy(() => network.forward(context.graph));
    const n = graph.numVertices;
    const lipschitz = layerLipschitz(model, model.spec.layers);
    const perLayer = lipschitz.map((_, l) => context.errors.get(l + 1) ?? 0);
    const total = perLayer.reduce(
      (sum, error, l) => sum + error * n * lipschitz.slice(l + 1).reduce((product, lip) => product * lip, 1),
      0,
    );
    return {
      perLayer,
      total,
      lipschitz,
      beta: sampled.beta,
      droppedEdges: 1 - sampled.indices.length / graph.indices.length,
    };
  } finally {
    context.dispose();
    exact.dispose();
    network.dispose();
  }
}

interface SampledGraph {
  readonly indptr: Int32Array;
  readonly indices: Int32Array;
  readonly inDegrees: Int32Array;
  readonly outDegrees: Int32Array;
  readonly beta: number;
}

/** In-edges of every vertex that its own server's sample holds, with the degrees of that sample. */
function sampledGraph(graph: CsrGraph, serverOf: Int32Array, options: EasSampleOptions): SampledGraph {
  const n = graph.numVertices;
  const servers = serverOf.reduce((most, s) => Math.max(most, s), 0) + 1;
  const keeps = new Uint8Array(graph.indices.length);
  const inDegrees = new Int32Array(n);
  const outDegrees = new Int32Array(n);
  let boundary = 0;
  for (let s = 0; s < servers; s++) {
    const inner = Int32Array.from(serverOf.keys()).filter((v) => serverOf[v] === s);
    const sample = expansionAwareSample(graph, inner, options);
    boundary += sample.boundary.length;
    const degrees = inducedDegrees(graph, sample.hopOf);
    for (const v of inner) {
      inDegrees[v] = degrees.inDegrees[v]!;
      outDegrees[v] = degrees.outDegrees[v]!;
      for (let e = graph.indptr[v]!; e < graph.indptr[v + 1]!; e++)
        if (sample.hopOf[graph.indices[e]!]! >= 0) keeps[e] = 1;
    }
  }
  const indptr = new Int32Array(n + 1);
  for (let v = 0; v < n; v++) {
    indptr[v + 1] = indptr[v]!;
    for (let e = graph.indptr[v]!; e < graph.indptr[v + 1]!; e++) indptr[v + 1]! += keeps[e]!;
  }
  const indices = graph.indices.filter((_, e) => keeps[e] === 1);
  return { indptr, indices, inDegrees, outDegrees, beta: boundary / Math.max(1, n) };
}

/** An exact context that also forms the sampled sum of what each layer aggregates, and keeps the difference. */
class ComparingContext {
  readonly errors = new Map<number, number>();
  readonly graph: GraphContext;
  readonly #sampled: SampledGraph;
  readonly #operators = new Map<Normaliser, SparseOperator>();

  constructor(exact: GraphContext, sampled: SampledGraph) {
    this.#sampled = sampled;
    const compare = (layer: number, h: tf.Tensor2D, norm: Normaliser, sum: tf.Tensor2D): tf.Tensor2D => {
      const other = spmm(this.#operator(norm), h);
      this.errors.set(layer, meanDistance(readTensor(sum), readTensor(other), h.shape[1]));
      return sum;
    };
    // A proxy, so that whatever else a layer asks for stays exact.
    this.graph = new Proxy(exact, {
      get: (target, name) => {
        if (name === 'aggregate') {
          return (h: tf.Tensor2D, norm: Normaliser, layer: number) =>
            compare(layer, h, norm, target.aggregate(h, norm, layer));
        }
        if (name === 'aggregateSources') {
          return (h: tf.Tensor2D, norm: Normaliser) => compare(1, h, norm, target.aggregateSources(h, norm));
        }
        const value = Reflect.get(target, name, target) as unknown;
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }

  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
  }

  #operator(norm: Normaliser): SparseOperator {
    let operator = this.#operators.get(norm);
    if (!operator) {
      const { indptr, indices, inDegrees, outDegrees } = this.#sampled;
      const n = inDegrees.length;
      const values = normalisedWeights({ indptr, indices }, norm, inDegrees, outDegrees);
      operator = new SparseOperator({ rows: n, cols: n, indptr, indices, values });
      this.#operators.set(norm, operator);
    }
    return operator;
  }
}

function meanDistance(a: Float32Array, b: Float32Array, width: number): number {
  let sum = 0;
  for (let at = 0; at < a.length; at += width) {
    let squares = 0;
    for (let c = at; c < at + width; c++) squares += (a[c]! - b[c]!) ** 2;
    sum += Math.sqrt(squares);
  }
  return a.length === 0 ? 0 : (sum * width) / a.length;
}

/** Largest singular values of the matrices `conv{l}.…weight`, summed per layer, by power iteration. */
function layerLipschitz({ weights }: TrainedModel, layers: number): number[] {
  return Array.from({ length: layers }, (_, l) =>
    Object.entries(weights)
      .filter(([name, { shape }]) => name.startsWith(`conv${l + 1}.`) && shape.length === 2)
      .reduce((sum, [, { shape, data }]) => sum + spectralNorm(data, shape[0]!, shape[1]!), 0),
  );
}

/** Largest singular value of a row-major matrix. */
export function spectralNorm(matrix: Float32Array, rows: number, columns: number): number {
  let v = Float64Array.from({ length: columns }, (_, c) => 1 + c / columns);
  let norm = 0;
  for (let step = 0; step < 100; step++) {
    const u = new Float64Array(rows);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) u[r]! += matrix[r * columns + c]! * v[c]!;
    const next = new Float64Array(columns);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) next[c]! += matrix[r * columns + c]! * u[r]!;
    const length = Math.hypot(...next);
    if (length === 0) return 0;
    norm = Math.sqrt(length / Math.hypot(...v));
    v = next.map((x) => x / length);
  }
  return norm;
}
