/**
 * Megatron's f and g over a process group.
 *
 * Shoeybi et al.: "Megatron-LM: Training Multi-Billion Parameter Language Models Using Model Parallelism", 2019,
 * arXiv:1909.08053, section 3.
 */
import { performance } from 'node:perf_hooks';
import type { ProcessGroup, ReduceOp, Trace } from '@strata-ml/core';
import { readTensor, unfilledTensor } from '@strata-ml/kernels';
import { singleDevice, type TensorParallel } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';

/** Tensor parallelism over a group, and the reductions of small arrays that the loss needs. */
export interface GroupTensorParallel extends TensorParallel {
  /** In place over the group, counted under phase `tensor`. */
  allReduce(data: Float32Array, op: ReduceOp): void;
  /** Seconds spent in all-reduces since the last call. */
  takeSeconds(): number;
}

/** Splits matrices over the ranks of a group. Every all-reduce is counted under phase `tensor`. */
export function groupTensorParallel(group: ProcessGroup, trace: Trace): GroupTensorParallel {
  if (group.size === 1) return { ...singleDevice, allReduce: () => {}, takeSeconds: () => 0 };
  let seconds = 0;
  const allReduce = (data: Float32Array, op: ReduceOp) => {
    const start = performance.now();
    trace.span('tensor all-reduce', 'comm', () => group.allReduce(data, { op, phase: 'tensor' }));
    seconds += (performance.now() - start) / 1000;
  };
  const summed = (x: tf.Tensor): tf.Tensor =>
    unfilledTensor(x.shape, (out) => {
      out.set(readTensor(x));
      // Kernel memory may move; what is shared with other ranks must not.
      const data = out.slice();
      allReduce(data, 'sum');
      out.set(data);
    });
  return {
    size: group.size,
    rank: group.rank,
    allReduce,
    takeSeconds: () => {
      const taken = seconds;
      seconds = 0;
      return taken;
    },
    copyToRegion: (x) => tf.customGrad((...[x]) => ({ value: tf.clone(x as tf.Tensor), gradFunc: summed }))(x),
    reduceFromRegion: (x) =>
      tf.customGrad((...[x]) => ({ value: summed(x as tf.Tensor), gradFunc: (dy: tf.Tensor) => tf.clone(dy) }))(x),
  };
}
