export { type CloseOptions, expectClose, relativeL2 } from './expectClose.js';
export {
  type ConformanceCase,
  type ConformanceContext,
  type ConformanceGroup,
  conformanceCases,
} from './processGroupConformance.js';
