/** All native kernels. */
import { argReduceKernels } from './argReduce.js';
import { batchNormKernels } from './batchNorm.js';
import { binaryKernels } from './binary.js';
import { convKernels } from './conv.js';
import { depthwiseKernels } from './depthwise.js';
import { einsumKernels } from './einsum.js';
import { fusedKernels } from './fused.js';
import { layoutKernels } from './layout.js';
import { logicalKernels } from './logical.js';
import { matMulKernels } from './matMul.js';
import type { NativeKernels } from './NativeKernel.js';
import { poolKernels } from './pool.js';
import { reduceKernels } from './reduce.js';
import { repeatKernels } from './repeat.js';
import { resampleKernels } from './resample.js';
import { resizeBilinearKernels } from './resizeBilinear.js';
import { reverseKernels } from './reverse.js';
import { scatterKernels } from './scatter.js';
import { softmaxKernels } from './softmax.js';
import { stridedSliceKernels } from './stridedSlice.js';
import { topKKernels } from './topK.js';
import { transposeKernels } from './transpose.js';
import { unaryKernels } from './unary.js';
import { valueKernels } from './values.js';

export type { NativeKernel } from './NativeKernel.js';

/** Native kernels by the name of the tfjs kernel. */
export const nativeKernels: NativeKernels = {
  ...matMulKernels,
  ...fusedKernels,
  ...convKernels,
  ...depthwiseKernels,
  ...poolKernels,
  ...batchNormKernels,
  ...binaryKernels,
  ...unaryKernels,
  ...reduceKernels,
  ...argReduceKernels,
  ...softmaxKernels,
  ...layoutKernels,
  ...transposeKernels,
  ...repeatKernels,
  ...stridedSliceKernels,
  ...valueKernels,
  ...logicalKernels,
  ...einsumKernels,
  ...scatterKernels,
  ...topKKernels,
  ...reverseKernels,
  ...resampleKernels,
  ...resizeBilinearKernels,
};
