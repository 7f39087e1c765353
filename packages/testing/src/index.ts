export { type CloseOptions, expectClose, relativeL2 } from './expectClose.js';
export {
  type ConformanceCase,
  type ConformanceContext,
  type ConformanceGroup,
  conformanceCases,
  randomProgram,
} from './processGroupConformance.js';
