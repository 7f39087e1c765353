/**
 * Aggregation over the distributed graph as one differentiable operation: fetch halo rows, sum over in-neighbours;
 * backward, sum over out-neighbours and return the halo rows' share to their owners. With overlap, rows that need no
 * halo are computed while halo rows travel; a row's sum has the same order either way, so results are bit-identical.
 */
import type { Trace } from '@strata-ml/core';
import { readTensor, SparseOperator, spmmInto, transposeCsr, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import type { OneHopBlock } from '../plan/rankGraph.js';
import type { RowExchange } from './RowExchange.js';

/** A rank's aggregation matrix with its transpose cut at the owned/halo border. */
export class AggregationOperator {
  /** `[numDestinations, numSources]`. */
  readonly forward: SparseOperator;
  /** Rows of the transpose that belong to owned sources, `[numOwned, numDestinations]`. */
  readonly backwardOwned: SparseOperator;
  /** Rows of the transpose that belong to halo sources, `[numHalo, numDestinations]`. */
  readonly backwardHalo: SparseOperator;

  /** @param weights - weight of each entry of the block, float32 `[nnz]` */
  constructor(block: OneHopBlock, weights: Float32Array) {
    const { numOwned, numDestinations, numSources, indptr, indices } = block;
    const csr = { rows: numDestinations, cols: numSources, indptr, indices, values: weights };
    const t = transposeCsr(csr);
    const values = t.values ?? new Float32Array(0);
    const border = t.indptr[numOwned]!;
    this.forward = new SparseOperator(csr);
    this.backwardOwned = new SparseOperator({
      rows: numOwned,
      cols: numDestinations,
      indptr: t.indptr.slice(0, numOwned + 1),
      indices: t.indices.slice(0, border),
      values: values.slice(0, border),
    });
    this.backwardHalo = new SparseOperator({
      rows: numSources - numOwned,
      cols: numDestinations,
      indptr: t.indptr.slice(numOwned).map((p) => p - border),
      indices: t.indices.slice(border),
      values: values.slice(border),
    });
  }

  /** Frees kernel memory. */
  dispose(): void {
    this.forward.dispose();
    this.backwardOwned.dispose();
    this.backwardHalo.dispose();
  }
}

/** What a halo operation runs with. */
export interface HaloCall {
  readonly exchange: RowExchange;
  readonly block: OneHopBlock;
  readonly trace: Trace;
  /** Compute central rows while halo rows travel. */
  readonly overlap: boolean;
  readonly layer: number;
  /** Label of the forward bytes: `forward`, or `evaluation`. */
  readonly phase: string;
}

/** out = A · [h ‖ halo rows of h]; h float32 `[numOwned, F]`, out `[numDestinations, F]`. Differentiable in h. */
export function haloAggregate(operator: AggregationOperator, h: tf.Tensor2D, call: HaloCall): tf.Tensor2D {
  const { exchange, block, trace, overlap, layer, phase } = call;
  const { numOwned, numDestinations, numCentral, numSources } = block;
  const width = h.shape[1];
  const op = tf.customGrad((x) => {
    const value = trace.span(`aggregate ${layer}`, 'compute', () =>
      unfilledTensor([numDestinations, width], (out) => {
        if (exchange.isIdle) {
          spmmInto(operator.forward, readTensor(x as tf.Tensor), width, out);
          return;
        }
        // [owned ‖ halo] must be contiguous so that one row reads its neighbours in global order.
        unfilledTensor([numSources, width], (sources) => {
          const owned = readTensor(x as tf.Tensor);
          const pending = exchange.startForward(owned, width, sources.subarray(numOwned * width), phase, layer);
          sources.set(owned.subarray(0, numOwned * width));
          if (!overlap) pending.finish();
          spmmInto(operator.forward, sources, width, out, { rowBegin: 0, rowEnd: numCentral });
          if (overlap) pending.finish();
          spmmInto(operator.forward, sources, width, out, { rowBegin: numCentral, rowEnd: numDestinations });
        }).dispose();
      }),
    );
    const gradFunc = (dy: tf.Tensor) =>
      trace.span(`aggregate ${layer} backward`, 'compute', () => {
        if (exchange.isIdle) {
          return unfilledTensor([numOwned, width], (gx) => spmmInto(operator.backwardOwned, readTensor(dy), width, gx));
        }
        // Halo gradients first: they travel while the owned part is computed.
        const haloGradient = unfilledTensor([numSources - numOwned, width], (gh) =>
          spmmInto(operator.backwardHalo, readTensor(dy), width, gh),
        );
        const gradient = unfilledTensor([numOwned, width], (gx) => {
          const pending = exchange.startBackward(readTensor(haloGradient), width, gx, 'backward', layer);
          spmmInto(operator.backwardOwned, readTensor(dy), width, gx);
          pending.finish();
        });
        haloGradient.dispose();
        return gradient;
      });
    return { value, gradFunc };
  });
  return op(h) as tf.Tensor2D;
}

/** [h ‖ halo rows of h] `[numSources, F]`, for layers that need each source row (attention). Differentiable in h. */
export function haloGather(h: tf.Tensor2D, call: HaloCall): tf.Tensor2D {
  const { exchange, block, trace, layer, phase } = call;
  const { numOwned, numSources } = block;
  if (exchange.isIdle) return h.clone();
  const width = h.shape[1];
  const op = tf.customGrad((x) => {
    const value = trace.span(`halo ${layer}`, 'comm', () =>
      unfilledTensor([numSources, width], (sources) => {
        const owned = readTensor(x as tf.Tensor);
        sources.set(owned.subarray(0, numOwned * width));
        exchange.startForward(owned, width, sources.subarray(numOwned * width), phase, layer).finish();
      }),
    );
    const gradFunc = (dy: tf.Tensor) =>
      trace.span(`halo ${layer} backward`, 'comm', () =>
        unfilledTensor([numOwned, width], (gx) => {
          const g = readTensor(dy);
          gx.set(g.subarray(0, numOwned * width));
          exchange.startBackward(g.subarray(numOwned * width), width, gx, 'backward', layer).finish();
        }),
      );
    return { value, gradFunc };
  });
  return op(h) as tf.Tensor2D;
}
