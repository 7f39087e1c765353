/** A stage under a vertex cut: every clone sums its rank's edges, then clones of a vertex sum their sums. */
import { OptionError } from '@strata-ml/core';
import { SparseOperator, spmm } from '@strata-ml/kernels';
import { type Normaliser, normalisedWeights } from '@strata-ml/models';
import type * as tf from '@tensorflow/tfjs-core';
import type { CloneSums } from '../exchange/CloneSums.js';
import type { CloneBlock } from '../plan/cloneBlock.js';
import type { LayerStage, StageCall } from './LayerStage.js';

/** Rows are clones; all of them enter and leave. One stage serves all layers. */
export class CloneStage implements LayerStage {
  readonly block: CloneBlock;
  readonly #sums: CloneSums;
  readonly #degrees: { readonly inDegree: Int32Array; readonly outDegree: Int32Array };
  readonly #operators = new Map<Normaliser, SparseOperator>();

  /** @param degrees - of each row, in the whole graph */
  constructor(
    block: CloneBlock,
    sums: CloneSums,
    degrees: { readonly inDegree: Int32Array; readonly outDegree: Int32Array },
  ) {
    this.block = block;
    this.#sums = sums;
    this.#degrees = degrees;
  }

  get numOwned(): number {
    return this.block.numSources;
  }

  get numDestinations(): number {
    return this.block.numSources;
  }

  get numSources(): number {
    return this.block.numSources;
  }

  get globalIds(): Int32Array {
    return this.block.globalIds;
  }

  aggregate(h: tf.Tensor2D, norm: Normaliser, call: StageCall): tf.Tensor2D {
    return this.#sums.apply(spmm(this.#operator(norm), h), call);
  }

  aggregateSources(p: tf.Tensor2D, norm: Normaliser, call: StageCall): tf.Tensor2D {
    return this.aggregate(p, norm, call);
  }

  /** @throws {@link OptionError}: a rank has a share of a vertex's edges only, so nothing but sums over them is exact. */
  gather(): tf.Tensor2D {
    throw new OptionError('CloneStage', 'layer', 'attention', 'one that sums over in-neighbours', 'edges are divided');
  }

  dispose(): void {
    for (const operator of this.#operators.values()) operator.dispose();
    this.#operators.clear();
  }

  #operator(norm: Normaliser): SparseOperator {
    let operator = this.#operators.get(norm);
    if (!operator) {
      const { indptr, indices, numSources } = this.block;
      const values = normalisedWeights(this.block, norm, this.#degrees.inDegree, this.#degrees.outDegree);
      operator = new SparseOperator({ rows: numSources, cols: numSources, indptr, indices, values });
      this.#operators.set(norm, operator);
    }
    return operator;
  }
}
