export { dataFolder, type Examples, loadExamples } from './data.js';
export { ENGINES, type Engine, useEngine } from './engines.js';
export { type IdxArray, readIdx } from './idx.js';
export { createModel } from './model.js';
export { seedMathRandom } from './seed.js';
export { type EpochReport, type StepReport, type TrainOptions, type TrainReport, train } from './train.js';
