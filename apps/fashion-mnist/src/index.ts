export { type IdxArray, readIdx } from './idx.js';
