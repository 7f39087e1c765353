export { NonFiniteError, OptionError, ShapeError, StrataError } from './errors.js';
export { philox4x32 } from './philox.js';
