/**
 * The tfjs backend `native`: ONNX Runtime's kernels under the tfjs API. Importing this module registers it.
 *
 * @packageDocumentation
 */
import './register.js';

export { type OutOfDeviceMemoryDetails, OutOfDeviceMemoryError } from '@strata-ml/kernels';

export { type NativeAvailability, nativeAvailability } from './availability.js';
export { type NativeMemory, nativeMemory } from './memory.js';
export { type Allocated, NativeBackend, type NativeDataType } from './NativeBackend.js';
export { configureNative, type NativeOptions } from './options.js';
export { type InheritedKernelCost, nativeProfile, resetNativeProfile } from './profile.js';
