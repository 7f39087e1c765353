/** All native kernels. */
import { matMulKernels } from './matMul.js';
import type { NativeKernels } from './NativeKernel.js';

export type { NativeKernel } from './NativeKernel.js';

/** Native kernels by the name of the tfjs kernel. */
export const nativeKernels: NativeKernels = { ...matMulKernels };
