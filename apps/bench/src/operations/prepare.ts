/** From plain data to an operation on the current engine. */
import { convolution } from './convolutions.js';
import { add, unary } from './elementwise.js';
import { layout, rows } from './layout.js';
import type { Operation } from './Operation.js';
import { product } from './products.js';
import { type LayerNorm, maxPool, normalization, reduce } from './reductions.js';
import { sparseProduct } from './sparse.js';
import type { OperationSpec } from './spec.js';

/**
 * Makes the inputs and gives the call.
 *
 * @param layerNorm - the engine's own. @defaultValue composed of tfjs operations
 */
export function prepare(spec: OperationSpec, layerNorm?: LayerNorm): Operation {
  switch (spec.op) {
    case 'matMul':
      return product(spec);
    case 'conv2d':
    case 'depthwise':
      return convolution(spec);
    case 'unary':
      return unary(spec);
    case 'add':
      return add(spec);
    case 'reduce':
      return reduce(spec);
    case 'softmax':
    case 'layerNorm':
    case 'batchNorm':
    case 'topk':
      return normalization(spec, layerNorm);
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
