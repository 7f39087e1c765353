/** Signed graphs as the tensors a stream network reads: filters and filtered features, made once and kept. */
import { DataError, ShapeError } from '@strata-ml/core';
import * as tf from '@tensorflow/tfjs-core';
import { isSignBlind, type ResolvedQuadStreamSpec } from './quadStreamSpec.js';
import type { SignedGraph } from './SignedGraph.js';
import { type Stream, streamFilter } from './streams.js';

/** What a forward pass reads. */
export interface GraphBatch {
  /** Graphs B. */
  readonly size: number;
  /** F of a stream, float32 `[B, R, R]`. */
  filter(stream: Stream): tf.Tensor3D;
  /** F·X of a stream, float32 `[B, R, features]`. */
  filtered(stream: Stream): tf.Tensor3D;
}

/** Filters made from tensors on the spot, so that gradients reach the adjacency and the features. */
export class LiveBatch implements GraphBatch {
  readonly size: number;
  readonly #adjacency: tf.Tensor3D;
  readonly #features: tf.Tensor3D | undefined;
  readonly #power: number;

  /**
   * @param adjacency - float32 `[B, R, R]`
   * @param features - float32 `[B, R, F]`; absent = rows of the adjacency
   */
  constructor(adjacency: tf.Tensor3D, features: tf.Tensor3D | undefined, power: number) {
    this.size = adjacency.shape[0];
    this.#adjacency = adjacency;
    this.#features = features;
    this.#power = power;
  }

  filter(stream: Stream): tf.Tensor3D {
    return streamFilter(this.#adjacency, stream, this.#power);
  }

  filtered(stream: Stream): tf.Tensor3D {
    const rows = isSignBlind(stream) ? tf.abs(this.#adjacency) : this.#adjacency;
    return tf.matMul(this.filter(stream), this.#features ?? rows);
  }
}

/** Per stream, filters and filtered features of many graphs as plain arrays, cut into batches by index. */
export class GraphStore {
  readonly #graphs: readonly SignedGraph[];
  readonly #spec: ResolvedQuadStreamSpec;
  /** Per stream and graph. */
  readonly #filters = new Map<Stream, Float32Array[]>();
  readonly #filtered = new Map<Stream, Float32Array[]>();

  /** @throws {@link DataError} or {@link ShapeError} if the graphs do not fit the spec. */
  constructor(graphs: readonly SignedGraph[], spec: ResolvedQuadStreamSpec) {
    this.#graphs = graphs;
    this.#spec = spec;
    for (const graph of graphs) checkGraph(graph, spec);
    for (const stream of spec.streams) {
      const both = graphs.map((graph) => this.#prepare(graph, stream));
      this.#filters.set(
        stream,
        both.map(([filter]) => filter),
      );
      this.#filtered.set(
        stream,
        both.map(([, filtered]) => filtered),
      );
    }
  }

  get size(): number {
    return this.#graphs.length;
  }

  /** Tensors of some graphs, made when asked for; call in `tf.tidy`. */
  batch(indices: ArrayLike<number>): GraphBatch {
    const { regions, features } = this.#spec;
    const stack = (parts: readonly Float32Array[], width: number): tf.Tensor3D => {
      const all = new Float32Array(indices.length * regions * width);
      for (let i = 0; i < indices.length; i++) all.set(parts[indices[i]!]!, i * regions * width);
      return tf.tensor3d(all, [indices.length, regions, width]);
    };
    return {
      size: indices.length,
      filter: (stream) => stack(this.#filters.get(stream)!, regions),
      filtered: (stream) => stack(this.#filtered.get(stream)!, features),
    };
  }

  #prepare(graph: SignedGraph, stream: Stream): [Float32Array, Float32Array] {
    return tf.tidy(() => {
      const live = liveBatch(graph, this.#spec);
      return [live.filter(stream).dataSync().slice(), live.filtered(stream).dataSync().slice()] as [
        Float32Array,
        Float32Array,
      ];
    });
  }
}

/** One graph as tensors; call in `tf.tidy`. */
function liveBatch(graph: SignedGraph, { regions, features, filterPower }: ResolvedQuadStreamSpec): LiveBatch {
  const adjacency = tf.tensor3d(graph.adjacency, [1, regions, regions]);
  const own = graph.features && tf.tensor3d(graph.features, [1, regions, features]);
  return new LiveBatch(adjacency, own, filterPower);
}

function checkGraph(graph: SignedGraph, { regions, features }: ResolvedQuadStreamSpec): void {
  const where = 'QuadStreamGcn';
  if (graph.adjacency.length !== regions * regions) {
    throw new ShapeError(where, 'adjacency', [graph.adjacency.length], `[${regions} × ${regions}]`);
  }
  if (graph.features && graph.features.length !== regions * features) {
    throw new ShapeError(where, 'features', [graph.features.length], `[${regions} × ${features}]`);
  }
  if (!graph.features && features !== regions) {
    throw new DataError(`${where}: a graph must have features of width ${features}, got none`);
  }
}
