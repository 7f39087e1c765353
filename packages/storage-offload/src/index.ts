export { InMemoryTrainer } from './baselines/InMemoryTrainer.js';
export { type AccessTrace, type Demand, NextUse } from './cache/BlockAccess.js';
export { type CachePolicy, type CachePolicyName, cachePolicies, cachePolicy } from './cache/CachePolicy.js';
export { type CacheSimulation, simulateCache } from './cache/simulateCache.js';
export { type ChoosePartsOptions, type ChosenParts, chooseParts } from './plan/chooseParts.js';
export type { DevicePeak, EpochWork } from './plan/devicePlan.js';
export { type GraphShape, type PartitionedGraph, shapeOfPartition, shapeOfStore } from './plan/GraphShape.js';
export type { DriveBytes, PlayedEpoch } from './plan/hostPlan.js';
export {
  type CacheMode,
  type MemoryPlan,
  type PlanOptions,
  type PolicyComparison,
  type PredictedSeconds,
  planMemory,
} from './plan/planMemory.js';
export { type LaneRates, measureLaneRates } from './plan/rates.js';
export { type EdgeFileSource, largestEdgeId } from './prepare/EdgeStream.js';
export {
  denseFeatures,
  type FeatureRows,
  fileFeatures,
  randomFeatures,
  sparseFeatures,
} from './prepare/FeatureRows.js';
export type { GraphSource, PartitionChoice, PrepareOptions, PrepareProgress } from './prepare/options.js';
export { prepareGraph } from './prepare/prepareGraph.js';
export type { BlockKind } from './residency/BlockNumbers.js';
export { HostBudgetError } from './residency/HostBudgetError.js';
export type { ResidencyCounters } from './residency/ResidencyCounters.js';
export type { BipartiteCsr, CompressedRows } from './store/BipartiteCsr.js';
export { FolderInUseError, FolderLock } from './store/FolderLock.js';
export { GraphStore } from './store/GraphStore.js';
export { type GraphStoreMeta, type PartitionerFacts, STORE_FORMAT } from './store/meta.js';
export { type OpenStoreOptions, openGraphStore } from './store/openGraphStore.js';
export { type StoreVerification, verifyGraphStore } from './store/verifyStore.js';
export type { EpochReport, OffloadEvaluation, PassReport } from './train/EpochReport.js';
export type { EpochControl, FullGraphTrainer, LossAndGradient } from './train/FullGraphTrainer.js';
export { OffloadTrainer } from './train/OffloadTrainer.js';
export {
  type OffloadMode,
  type OffloadOptions,
  offloadModes,
  type ResolvedOffloadOptions,
} from './train/options.js';
export { type PartitionOrder, partitionOrders, type StepKind } from './train/schedule.js';
export { type DeviceTraffic, type TrafficModel, trafficPerEpoch } from './train/TrafficCounters.js';
export {
  type OffloadBytes,
  type OffloadEpochRow,
  type OffloadEvent,
  type OffloadMetrics,
  type OffloadReport,
  openTrainer,
  type TrainOffloadOptions,
  trainOffload,
} from './train/trainOffload.js';
