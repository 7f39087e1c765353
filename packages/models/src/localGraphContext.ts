/** The graph context of one device: every vertex is owned, nothing is exchanged. */
import type { Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { dropoutRows, dropoutSparse, SparseOperator, spmm } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { dropoutKey } from './dropoutKey.js';
import type { GraphContext, InputRows, NeighbourBlock, Normaliser } from './GraphContext.js';
import { multiplyConstant } from './layers/denseOps.js';
import { featureWidth, type NodeFeatures } from './NodeFeatures.js';
import { normalisedWeights } from './normalisedWeights.js';

/** Options of {@link localGraphContext}. */
export interface LocalGraphOptions {
  /** The message graph: duplicates and self-loops dropped, then one self-loop per vertex (`messageGraph`). */
  readonly graph: CsrGraph;
  /** Input features, one row per vertex. */
  readonly features: NodeFeatures;
  /** Source of dropout masks. */
  readonly rng: Rng;
  /** Part of the dropout key. @defaultValue `0` */
  readonly epoch?: number;
  /** Dropout and batch statistics on. @defaultValue `false` */
  readonly training?: boolean;
}

/** A graph context that keeps its prepared matrices, and makes the contexts of other epochs from them. */
export interface LocalGraphContext extends GraphContext {
  /** The same graph at another epoch or in another mode; cheap, shares everything. */
  at(step: { readonly epoch?: number; readonly training?: boolean }): LocalGraphContext;
  /** Frees the prepared matrices, for every context made from this one. */
  dispose(): void;
}

/**
 * Prepares a graph for training or evaluating on one device.
 *
 * Cost: O(edges) once per normaliser, on first use. Global vertex ids are the row numbers.
 *
 * @throws {@link ShapeError} if the features do not have one row per vertex.
 * @throws {@link OptionError} if there are no features.
 *
 * @example
 * ```ts no-run
 * const context = localGraphContext({ graph, features, rng: new Rng(1) });
 * const logits = tf.tidy(() => model.forward(context.at({ epoch: 3, training: true })));
 * ```
 */
export function localGraphContext(options: LocalGraphOptions): LocalGraphContext {
  const { graph, features, rng, epoch = 0, training = false } = options;
  return new LocalContext(new PreparedGraph(graph, features, rng), epoch, training);
}

/** What does not change from epoch to epoch. */
class PreparedGraph {
  readonly rng: Rng;
  readonly numVertices: number;
  readonly inputWidth: number;
  readonly block: NeighbourBlock;
  readonly rowIds: Int32Array;
  readonly sparse: SparseOperator | undefined;
  readonly dense: tf.Tensor2D | undefined;
  readonly #operators = new Map<Normaliser, SparseOperator>();
  #dropped: { readonly id: string; readonly op: SparseOperator } | undefined;

  constructor(graph: CsrGraph, features: NodeFeatures, rng: Rng) {
    this.rng = rng;
    this.numVertices = graph.numVertices;
    this.inputWidth = featureWidth('localGraphContext', features, graph.numVertices);
    this.block = { indptr: graph.indptr, indices: graph.indices };
    this.rowIds = Int32Array.from({ length: graph.numVertices }, (_, v) => v);
    if (features.kind === 'csr') this.sparse = new SparseOperator(features.csr);
    if (features.kind === 'dense') {
      const { values } = features;
      // Kept: the context may be made inside a tidy scope and outlive it.
      this.dense = tf.keep(tf.tensor2d(values.slice(), [graph.numVertices, this.inputWidth]));
    }
  }

  operator(norm: Normaliser): SparseOperator {
    const known = this.#operators.get(norm);
    if (known) return known;
    const { block, numVertices: n } = this;
    const inDegree = Int32Array.from({ length: n }, (_, v) => block.indptr[v + 1]! - block.indptr[v]!);
    const outDegree = new Int32Array(n);
    for (const u of block.indices) outDegree[u]!++;
    const values = normalisedWeights(block, norm, inDegree, outDegree);
    const made = new SparseOperator({ rows: n, cols: n, ...block, values });
    this.#operators.set(norm, made);
    return made;
  }

  /** Sparse features after dropout; the last one is kept, because SAGE multiplies it twice. */
  droppedFeatures(op: SparseOperator, rate: number, epoch: number, layer: number): SparseOperator {
    const id = `${rate} ${epoch} ${layer}`;
    if (this.#dropped?.id === id) return this.#dropped.op;
    this.#dropped?.op.dispose();
    const made = dropoutSparse(op, this.rowIds, rate, dropoutKey(this.rng, 'dropout', epoch, layer));
    this.#dropped = { id, op: made };
    return made;
  }

  dispose(): void {
    for (const op of this.#operators.values()) op.dispose();
    this.#operators.clear();
    this.#dropped?.op.dispose();
    this.#dropped = undefined;
    this.sparse?.dispose();
    this.dense?.dispose();
  }
}

class LocalContext implements LocalGraphContext {
  readonly training: boolean;
  readonly #epoch: number;
  readonly #prepared: PreparedGraph;

  constructor(prepared: PreparedGraph, epoch: number, training: boolean) {
    this.#prepared = prepared;
    this.#epoch = epoch;
    this.training = training;
  }

  get numOwned(): number {
    return this.#prepared.numVertices;
  }

  get numSources(): number {
    return this.#prepared.numVertices;
  }

  get globalRows(): number {
    return this.#prepared.numVertices;
  }

  get inputWidth(): number {
    return this.#prepared.inputWidth;
  }

  blockOf(_layer: number): NeighbourBlock {
    return this.#prepared.block;
  }

  enter(h: tf.Tensor2D, _layer: number): tf.Tensor2D {
    return h;
  }

  destinations(h: tf.Tensor2D, _layer: number): tf.Tensor2D {
    return h;
  }

  at({ epoch = this.#epoch, training = this.training }): LocalGraphContext {
    return new LocalContext(this.#prepared, epoch, training);
  }

  projectInput(weight: tf.Tensor2D, _rows: InputRows, dropoutRate: number, layer: number): tf.Tensor2D {
    const { sparse, dense } = this.#prepared;
    const rate = this.training ? dropoutRate : 0;
    if (sparse) {
      return spmm(rate > 0 ? this.#prepared.droppedFeatures(sparse, rate, this.#epoch, layer) : sparse, weight);
    }
    const x = dense as tf.Tensor2D; // one of the two exists: `featureWidth` refused 'none'
    return multiplyConstant(rate > 0 ? this.dropout(x, rate, 'dropout', layer) : x, weight);
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser, _layer: number): tf.Tensor2D {
    return this.aggregateSources(h, norm);
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser): tf.Tensor2D {
    return spmm(this.#prepared.operator(norm), p);
  }

  exchange(h: tf.Tensor2D, _layer: number): tf.Tensor2D {
    return h;
  }

  dropout(h: tf.Tensor2D, rate: number, purpose: string, layer: number): tf.Tensor2D {
    if (!this.training || rate === 0) return h;
    return dropoutRows(h, this.#prepared.rowIds, rate, dropoutKey(this.#prepared.rng, purpose, this.#epoch, layer));
  }

  allReduceSum(_stats: Float64Array): void {}

  dispose(): void {
    this.#prepared.dispose();
  }
}
