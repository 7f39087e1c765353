/** The failure of a full device memory, the same class for every engine: it lives in `@strata-ml/kernels`. */
export { type OutOfDeviceMemoryDetails, OutOfDeviceMemoryError } from '@strata-ml/kernels';
