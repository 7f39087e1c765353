export { type RunSuiteOptions, runSuite } from './harness/runSuite.js';
export { markdownTable } from './harness/table.js';
export type {
  Case,
  CaseResult,
  Contender,
  ContenderResult,
  Ratio,
  Sample,
  Suite,
  SuiteResult,
} from './harness/types.js';
export { suites } from './suites/index.js';
