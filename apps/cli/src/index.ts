export { exitCodeOf } from './errors.js';
export { main } from './main.js';
export type { FigureKind, ResultEnvelope, ResultLabels, RunEnvironment } from './output/envelope.js';
