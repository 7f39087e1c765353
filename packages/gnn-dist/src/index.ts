export { DistGraphContext, type DistGraphOptions } from './DistGraphContext.js';
export { checkGraphData, type Features, type GraphData } from './data.js';
export { HaloExchange, type PendingExchange } from './exchange/haloExchange.js';
export type { HaloFeatures } from './input/InputFeatures.js';
export {
  type TrainMode,
  type TrainOptions,
  trainModes,
} from './options.js';
export { buildOneHopBlock, type OneHopBlock } from './plan/rankGraph.js';
export { exchangeSendPlan, type SendPlan } from './plan/sendPlan.js';
export { countHaloRows, type HaloBytes, type HaloTrafficModel, haloBytesPerEpoch } from './plan/traffic.js';
export type {
  EpochParts,
  EpochRow,
  NamedArray,
  TrainEvent,
  TrainMetrics,
  TrainReport,
} from './report.js';
export { type Evaluation, evaluateGnn, loadModel, predict, saveModel, type TrainedModel } from './savedModel.js';
export { trainGnn } from './train.js';
