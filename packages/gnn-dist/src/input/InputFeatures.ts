/**
 * The input features of a rank: its owned rows, and halo rows fetched from their owners, in every pass or once.
 *
 * On the wire a row is always `4 · F₀` bytes, as vanilla full-graph training sends it. Sparse rows are multiplied as
 * sparse rows on both sides, so a vertex gives bit-identical products on every device that sees it.
 */
import type { Trace } from '@strata-ml/core';
import { dropoutRows, dropoutSparse, readTensor, SparseOperator, spmm, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { HaloExchange } from '../exchange/haloExchange.js';
import type { PendingExchange } from '../exchange/RowExchange.js';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { FeatureRows } from './featureRows.js';
import { SparseRows } from './sparseRows.js';

/** When halo rows of the raw features travel: in every epoch (vanilla), or once at set-up. */
export type HaloFeatures = 'every-epoch' | 'once';

/** Bytes of one piece of a sparse feature exchange: bounds the dense copy of sparse rows. */
const PIECE_BYTES = 4 * 1024 * 1024;

/** drop(X)·W on owned and halo rows. */
export class InputFeatures {
  readonly #block: OneHopBlock;
  readonly #exchange: HaloExchange;
  readonly #trace: Trace;
  readonly width: number;
  readonly #owned: FeatureRows;
  #halo: FeatureRows | undefined;
  #haloRows: SparseRows | undefined;
  /** Dense halo rows still on their way, and where they land. */
  #pending: PendingExchange | undefined;
  #landing: Float32Array | undefined;
  /** Sparse rows after dropout, by key; a layer that projects twice drops once. Freed by {@link endPass}. */
  readonly #dropped = new Map<string, SparseOperator>();

  /**
   * @param owned - features of the rows that enter, `[block.numOwned, width]`; disposed with this object
   * @param block - tells which rows have halo copies here
   */
  constructor(owned: FeatureRows, width: number, block: OneHopBlock, exchange: HaloExchange, trace: Trace) {
    this.#block = block;
    this.#exchange = exchange;
    this.#trace = trace;
    this.width = width;
    this.#owned = owned;
  }

  /** True once halo features are here, from an earlier fetch. */
  get hasHalo(): boolean {
    return this.#halo !== undefined;
  }

  /** Fetches the halo rows of the features. Collective. Dense rows travel while the owned rows are multiplied. */
  fetchHalo(phase: string): void {
    if (this.#exchange.isIdle) return;
    if (this.#owned instanceof SparseOperator) this.#fetchSparse(this.#owned, phase);
    else this.#fetchDense(this.#owned, phase);
  }

  /**
   * drop(X)·W, float32 `[numOwned, H]` or `[numSources, H]`, differentiable in `weight`.
   *
   * @param dropout - rate and key of the mask; undefined drops nothing
   */
  project(
    weight: tf.Tensor2D,
    rows: 'owned' | 'sources',
    dropout: { readonly rate: number; readonly key: readonly [number, number] } | undefined,
  ): tf.Tensor2D {
    const { numOwned, numSources, globalIds } = this.#block;
    const owned = this.#multiply('owned', this.#owned, weight, globalIds.subarray(0, numOwned), dropout);
    if (rows === 'owned' || numSources === numOwned) return owned;
    const halo = this.#multiply('halo', this.#arrived(), weight, globalIds.subarray(numOwned), dropout);
    return tf.concat2d([owned, halo], 0);
  }

  /** Frees what one pass needed; call after its gradients are taken. */
  endPass(): void {
    for (const operator of this.#dropped.values()) operator.dispose();
    this.#dropped.clear();
  }

  /** Frees features and buffers. */
  dispose(): void {
    this.endPass();
    this.#owned.dispose();
    this.#halo?.dispose();
    this.#halo = undefined;
  }

  #multiply(
    part: 'owned' | 'halo',
    x: FeatureRows,
    weight: tf.Tensor2D,
    ids: Int32Array,
    dropout: { readonly rate: number; readonly key: readonly [number, number] } | undefined,
  ): tf.Tensor2D {
    if (!(x instanceof SparseOperator)) {
      return tf.matMul(dropout ? dropoutRows(x, ids, dropout.rate, dropout.key) : x, weight);
    }
    if (!dropout) return spmm(x, weight);
    const key = `${part} ${dropout.key} ${dropout.rate}`;
    let dropped = this.#dropped.get(key);
    if (!dropped) {
      dropped = dropoutSparse(x, ids, dropout.rate, dropout.key);
      this.#dropped.set(key, dropped);
    }
    return spmm(dropped, weight);
  }

  #arrived(): FeatureRows {
    if (this.#pending && this.#landing) {
      const landing = this.#landing;
      this.#pending.finish();
      this.#pending = undefined;
      this.#halo?.dispose();
      const numHalo = this.#block.numSources - this.#block.numOwned;
      this.#halo = tf.keep(tensorFrom([numHalo, this.width], (out) => out.set(landing)) as tf.Tensor2D);
    }
    if (!this.#halo) throw new Error('InputFeatures: halo features are used before fetchHalo');
    return this.#halo;
  }

  #fetchDense(owned: tf.Tensor2D, phase: string): void {
    this.#landing ??= new Float32Array((this.#block.numSources - this.#block.numOwned) * this.width);
    this.#pending = this.#exchange.startForward(readTensor(owned), this.width, this.#landing, phase, 1);
  }

  #fetchSparse(owned: SparseOperator, phase: string): void {
    const rowsPerPiece = Math.max(1, Math.floor(PIECE_BYTES / (4 * this.width)));
    const { indptr, indices, values } = owned.csr;
    const received = new SparseRows.Builder(this.#block.numSources - this.#block.numOwned, this.width);
    this.#trace.span('halo features', 'comm', () =>
      this.#exchange.exchangeInPieces(
        this.width,
        rowsPerPiece,
        { phase, layer: 1 },
        (rows, out) => {
          out.fill(0);
          for (let i = 0; i < rows.length; i++) {
            const row = rows[i]!;
            for (let e = indptr[row]!; e < indptr[row + 1]!; e++) {
              out[i * this.width + indices[e]!] = values ? values[e]! : 1;
            }
          }
        },
        (firstRow, data) => received.setRows(firstRow, data),
      ),
    );
    const rows = received.build();
    // Features do not change: what was prepared from equal rows of an earlier epoch is still right.
    if (this.#haloRows?.equals(rows)) return;
    this.#halo?.dispose();
    this.#haloRows = rows;
    this.#halo = rows.operator();
  }
}
