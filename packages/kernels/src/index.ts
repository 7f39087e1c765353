export { NonFiniteError, OptionError, ShapeError, StrataError } from './errors.js';
export { type OutOfDeviceMemoryDetails, OutOfDeviceMemoryError } from './OutOfDeviceMemoryError.js';
export { philox4x32 } from './philox.js';
