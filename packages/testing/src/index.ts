export { type CloseOptions, expectClose, relativeL2 } from './expectClose.js';
