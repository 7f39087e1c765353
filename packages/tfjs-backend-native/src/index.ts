/**
 * The tfjs backend `native`: ONNX Runtime's kernels under the tfjs API. Importing this module registers it.
 *
 * @packageDocumentation
 */
import './register.js';

export { type OutOfDeviceMemoryDetails, OutOfDeviceMemoryError } from '@strata-ml/kernels';

export { type NativeAvailability, nativeAvailability } from './availability.js';
export { attention, selfAttention } from './fused/attention.js';
export type { AttentionOptions, SelfAttentionOptions } from './fused/attentionPlan.js';
export { type BatchNormTrainingOptions, batchNorm } from './fused/batchNorm.js';
export { dropout } from './fused/dropout.js';
export {
  type FusedAdamOptions,
  FusedOptimizer,
  type FusedSgdOptions,
  fusedAdam,
  fusedAdamW,
  fusedSgd,
} from './fused/FusedOptimizer.js';
export { gelu } from './fused/gelu.js';
export { layerNorm } from './fused/layerNorm.js';
export { linear } from './fused/linear.js';
export { type SoftmaxCrossEntropyOptions, softmaxCrossEntropy } from './fused/softmaxCrossEntropy.js';
export { type NativeMemory, nativeMemory } from './memory.js';
export { type Allocated, NativeBackend, type NativeDataType } from './NativeBackend.js';
export { configureNative, type NativeOptions } from './options.js';
export { type InheritedKernelCost, nativeProfile, resetNativeProfile } from './profile.js';
