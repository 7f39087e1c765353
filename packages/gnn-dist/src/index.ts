export { DistGraphContext, type DistGraphOptions } from './DistGraphContext.js';
export { checkGraphData, type Features, type GraphData } from './data.js';
export { HaloExchange, type HaloLayout } from './exchange/haloExchange.js';
export { type PartSeconds, PhaseTimes, type TimedPart, timedParts } from './exchange/PhaseTimes.js';
export type { PendingExchange, RowExchange } from './exchange/RowExchange.js';
export { type FeatureRows, selectFeatureRows } from './input/featureRows.js';
export { type HaloFeatures, InputFeatures } from './input/InputFeatures.js';
export { type TrainMode, trainModes } from './modes/registry.js';
export type { TrainOptions } from './options.js';
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
export { HaloStage, type HaloStageOptions } from './stages/HaloStage.js';
export type { LayerStage, StageCall } from './stages/LayerStage.js';
export { trainGnn } from './train.js';
