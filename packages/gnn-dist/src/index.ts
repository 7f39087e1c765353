export { type BipolarKind, bipolarKinds, bipolarRelu } from './brain/bipolarRelu.js';
export { type BrainModelName, brainModels } from './brain/brainModels.js';
export type { BinaryScores } from './brain/cohort.js';
export {
  type Cohort,
  type CrossValidationOptions,
  type CrossValidationReport,
  crossValidate,
  type FoldScores,
  type ModelSummary,
} from './brain/crossValidate.js';
export { type ExplainOptions, type Explanation, explainQuadStream } from './brain/explainQuadStream.js';
export {
  type FitEpoch,
  type FitOptions,
  type FitReport,
  fitQuadStream,
  type LabelledGraphs,
  predictQuadStream,
} from './brain/fitQuadStream.js';
export type { GraphBatch } from './brain/GraphBatch.js';
export { type LoadCohortOptions, type LoadedCohort, loadCohort } from './brain/loadCohort.js';
export { QuadStreamGcn, type TrainingPass } from './brain/QuadStreamGcn.js';
export type { QuadStreamSpec, ResolvedQuadStreamSpec } from './brain/quadStreamSpec.js';
export { buildConnectome, type ConnectomeOptions, type SignedGraph } from './brain/SignedGraph.js';
export { quadStreams, type Stream, streamFilter, streamSets, streams } from './brain/streams.js';
export {
  type PlantedDifference,
  plantedDifferences,
  type SyntheticOptions,
  syntheticConnectomes,
} from './brain/syntheticConnectomes.js';
export type { ComparedMode, ComparedRun } from './compare/summariseRuns.js';
export { type CompareEvent, type CompareOptions, type CompareReport, compareModes } from './compare.js';
export { DistGraphContext, type DistGraphOptions } from './DistGraphContext.js';
export { checkGraphData, type Features, type GraphData } from './data.js';
export { type SamplingError, samplingError } from './diagnose/samplingError.js';
export {
  type DisaggregatedOptions,
  type Layout,
  type LossPolicy,
  layouts,
  lossPolicies,
  type SyncKind,
  syncKinds,
} from './disaggregated/options.js';
export {
  type BatchWorkerStats,
  type ComputeWorkerStats,
  type DisaggregatedEvent,
  type DisaggregatedMetrics,
  type DisaggregatedReport,
  type PipelineStats,
  type WorkerLoss,
  WorkerLostError,
} from './disaggregated/report.js';
export { type PipelineHandle, startDisaggregated, trainDisaggregated } from './disaggregated/trainDisaggregated.js';
export type { CloneDelay } from './exchange/CloneSums.js';
export { HaloExchange, type HaloLayout } from './exchange/haloExchange.js';
export { type PartSeconds, type PeerWork, PhaseTimes, type TimedPart, timedParts } from './exchange/PhaseTimes.js';
export type { MessageBits } from './exchange/quantisedRows.js';
export type { PendingExchange, RowExchange } from './exchange/RowExchange.js';
export { type FeatureRows, selectFeatureRows } from './input/featureRows.js';
export { type HaloFeatures, InputFeatures } from './input/InputFeatures.js';
export type { AdaQpOptions } from './modes/adaqp.js';
export type { DistDglOptions } from './modes/batches.js';
export type { BnsOptions } from './modes/bnsGcn.js';
export type { CobOptions } from './modes/cob.js';
export type { DistGnnOptions } from './modes/distgnn.js';
export type { FlxOptions } from './modes/flx.js';
export type { EasOptions } from './modes/flxEas.js';
export type { PipeGcnOptions } from './modes/pipegcn.js';
export { type TrainMode, trainModes } from './modes/registry.js';
export type { SalientOptions } from './modes/salient.js';
export type { SnapshotTrainOptions } from './modes/snapshot.js';
export type { TrainOptions } from './options.js';
export type { RowEdges } from './plan/edgeBlock.js';
export { buildOneHopBlock, type OneHopBlock } from './plan/rankGraph.js';
export { exchangeSendPlan, type SendPlan } from './plan/sendPlan.js';
export { countHaloRows, type HaloBytes, type HaloTrafficModel, haloBytesPerEpoch } from './plan/traffic.js';
export type { CoarsePrediction } from './planner/coarse.js';
export { type CoarseInput, fitAlpha, predictCoarse } from './planner/coarse.js';
export { measureComputeRates } from './planner/computeRates.js';
export { type PlanAlternative, type PlanOptions, planTraining, type TrainPlan } from './planner/planTraining.js';
export type { ComputeRates, Prediction } from './planner/predictStep.js';
export type {
  EpochParts,
  EpochRow,
  NamedArray,
  TrainEvent,
  TrainMetrics,
  TrainReport,
} from './report.js';
export { type BatchSampler, batchSamplers } from './sample/batch.js';
export {
  type EasSample,
  type EasSampleOptions,
  type EasSelection,
  easSelections,
  expansionAwareSample,
} from './sample/expansionAware.js';
export {
  type Evaluation,
  evaluateGnn,
  loadModel,
  type PredictionData,
  type PredictOptions,
  predict,
  saveModel,
  type TrainedModel,
} from './savedModel.js';
export { type HopOf, hopSets } from './server/hopSets.js';
export { type MaskKind, maskKinds } from './server/serverStages.js';
export { type AdjacencyLocation, AdjacencyStore, type AdjacencyTraffic } from './snapshot/AdjacencyStore.js';
export type { EdgeList, EdgeUpdates } from './snapshot/EdgeUpdates.js';
export type { SampledBlock } from './snapshot/SampledBlock.js';
export { SnapshotSampler, type SnapshotStats } from './snapshot/SnapshotSampler.js';
export {
  type ResolvedSnapshotOptions,
  type SnapshotMode,
  type SnapshotOptions,
  type StaticOrder,
  snapshotModes,
  staticOrders,
} from './snapshot/snapshotOptions.js';
export { HaloStage, type HaloStageOptions } from './stages/HaloStage.js';
export type { LayerStage, StageCall } from './stages/LayerStage.js';
export { trainGnn } from './train.js';
