/** From plain data to an operation on the current engine. */
import type * as tf from '@tensorflow/tfjs-core';
import { convolution } from './convolutions.js';
import { add, unary } from './elementwise.js';
import { layout, rows } from './layout.js';
import type { Operation } from './Operation.js';
import { product } from './products.js';
import { type LayerNorm, maxPool, normalization, reduce } from './reductions.js';
import { sparseProduct } from './sparse.js';
import type { OperationSpec } from './spec.js';

/** What a package of the engine offers for what tfjs users have to compose. */
export interface FusedOperations {
  readonly layerNorm?: LayerNorm;
  /** By the error function. */
  readonly gelu?: (x: tf.Tensor) => tf.Tensor;
}

/** Makes the inputs and gives the call; what is not in `fused` is composed of tfjs operations. */
export function prepare(spec: OperationSpec, fused: FusedOperations): Operation {
  switch (spec.op) {
    case 'matMul':
      return product(spec);
    case 'conv2d':
    case 'depthwise':
      return convolution(spec);
    case 'unary':
      return unary(spec, fused.gelu);
    case 'add':
      return add(spec);
    case 'reduce':
      return reduce(spec);
    case 'softmax':
    case 'layerNorm':
    case 'batchNorm':
    case 'topk':
      return normalization(spec, fused.layerNorm);
    case 'maxPool':
      return maxPool();
    case 'transpose':
    case 'concat':
      return layout(spec);
    case 'gather':
    case 'unsortedSegmentSum':
      return rows(spec);
    case 'spmm':
      return sparseProduct(spec);
  }
}
