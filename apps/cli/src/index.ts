export { exitCodeOf } from './errors.js';
export { main } from './main.js';
export type { ResultEnvelope, ResultLabels, RunEnvironment } from './output/envelope.js';
