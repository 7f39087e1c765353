/**
 * The order of forwards and backwards on each pipeline rank.
 *
 * GPipe: Huang et al., NeurIPS 2019, arXiv:1811.06965. 1F1B with a flush: Narayanan et al., ICML 2021, arXiv:2006.09503.
 * Interleaved 1F1B: Narayanan et al., SC 2021, arXiv:2104.04473, with the warm-up of Megatron-LM.
 */
import type { ComputeOp } from './ops.js';

/** All forwards, then all backwards in reverse order. */
export function gpipeOrder(microBatches: number): ComputeOp[] {
  const forwards = Array.from({ length: microBatches }, (_, m) => op('forward', 0, m));
  return [...forwards, ...forwards.toReversed().map(({ microBatch }) => op('backward', 0, microBatch))];
}

/** min(p − rank − 1, M) forwards, then pairs, then the backwards that are left. */
export function oneForwardOneBackwardOrder(stages: number, rank: number, microBatches: number): ComputeOp[] {
  return pairs(
    Math.min(stages - rank - 1, microBatches),
    microBatches,
    (i) => op('forward', 0, i),
    (i) => op('backward', 0, i),
  );
}

/** Every rank holds `chunks` parts of the model; micro-batches pass in groups of `stages`. */
export function interleavedOrder(stages: number, rank: number, microBatches: number, chunks: number): ComputeOp[] {
  const total = microBatches * chunks;
  const turn = stages * chunks;
  const warmup = microBatches === stages ? total : Math.min(2 * (stages - rank - 1) + (chunks - 1) * stages, total);
  const chunkAt = (i: number) => Math.floor((i % turn) / stages);
  const microBatchAt = (i: number) => Math.floor(i / turn) * stages + (i % stages);
  return pairs(
    warmup,
    total,
    (i) => op('forward', chunkAt(i), microBatchAt(i)),
    (i) => op('backward', chunks - 1 - chunkAt(i), microBatchAt(i)),
  );
}

/** Forwards only: groups of `stages` micro-batches through one chunk after the other, the last group with what is left. */
export function forwardOrder(stages: number, microBatches: number, chunks: number): ComputeOp[] {
  const ops: ComputeOp[] = [];
  for (let begin = 0; begin < microBatches; begin += stages) {
    const end = Math.min(microBatches, begin + stages);
    for (let chunk = 0; chunk < chunks; chunk++) {
      for (let m = begin; m < end; m++) ops.push(op('forward', chunk, m));
    }
  }
  return ops;
}

function pairs(
  warmup: number,
  total: number,
  forward: (i: number) => ComputeOp,
  backward: (i: number) => ComputeOp,
): ComputeOp[] {
  const ops: ComputeOp[] = [];
  for (let i = 0; i < warmup; i++) ops.push(forward(i));
  for (let i = 0; warmup + i < total; i++) ops.push(forward(warmup + i), backward(i));
  for (let i = total - warmup; i < total; i++) ops.push(backward(i));
  return ops;
}

function op(kind: ComputeOp['kind'], chunk: number, microBatch: number): ComputeOp {
  return { kind, chunk, microBatch };
}
