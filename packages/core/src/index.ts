export { atomicWrite } from './atomicWrite.js';
export {
  type ClusterSpec,
  describeCluster,
  formatCluster,
  isUnlimited,
  type LinkSpec,
  type Placement,
  placeRank,
  type StorageSpec,
  worldSizeOf,
} from './cluster/Cluster.js';
export { clusterToYaml, loadCluster, readClusterFile, writeClusterFile } from './cluster/file.js';
export { fitLink, type LinkSample } from './cluster/fitLink.js';
export { type ClusterInput, type ClusterOverrides, parseCluster } from './cluster/parse.js';
export {
  type PairProfile,
  type ProfileContext,
  type ProfileOptions,
  profileCluster,
  profileReport,
} from './cluster/profile.js';
export {
  formatBandwidth,
  formatBytes,
  formatDuration,
  parseBandwidth,
  parseBytes,
  parseDuration,
} from './cluster/units.js';
export { evenCounts, offsetsOf } from './comm/blocks.js';
export { checkCounts, checkLength, checkMember, checkSameType, checkTag } from './comm/checks.js';
export { type LinkClass, sumTraffic, TrafficLedger, type TrafficRow } from './comm/counters.js';
export { ELEMENT_TYPES, type ElementType, elementTypeOf, REDUCE_OPS, reduceOpCode } from './comm/dtype.js';
export { GradientBuckets, type GradientBucketsOptions } from './comm/GradientBuckets.js';
export type {
  AllReduceAlgorithm,
  AllReduceOptions,
  CommArray,
  CommOptions,
  ProcessGroup,
  ReduceOp,
  ReduceOptions,
  SendOptions,
  Work,
} from './comm/ProcessGroup.js';
export { createDevice, type Device, type MemoryAccount } from './device/Device.js';
export { EngineUnavailableError, type InitEngineOptions, initEngine } from './engine/choose.js';
export {
  type DoctorOptions,
  type DoctorReport,
  doctorReport,
  type EngineDiagnosis,
  type MpiReport,
} from './engine/doctor.js';
export {
  ENGINE_NAMES,
  type EngineCandidate,
  type EngineName,
  type EngineReport,
  type KernelVariant,
} from './engine/EngineReport.js';
export type { EngineMeasurement } from './engine/engineProbe.js';
export { type Availability, probeDirectIo } from './engine/features.js';
export {
  AbortedError,
  CommMismatchError,
  CommTimeoutError,
  DataError,
  deserializeError,
  NonFiniteError,
  OptionError,
  OutOfDeviceMemoryError,
  RankFailedError,
  registerErrorClass,
  type SerializedError,
  ShapeError,
  StrataError,
  serializeError,
} from './errors.js';
export { defaultTransport, launch, registerTransport, transportNames } from './launch/launch.js';
export type {
  LaunchOptions,
  LaunchReport,
  LaunchRequest,
  ResolvedLaunchOptions,
  TransportLauncher,
} from './launch/options.js';
export type { RankContext, RankEntry } from './launch/RankContext.js';
export { createRankContext, importRankEntry, type RankContextParts, startDevice } from './launch/rank.js';
export { Rng } from './rng.js';
export {
  isShared,
  type SharableArray,
  sharedFloat32,
  sharedFloat64,
  sharedInt32,
  sharedUint8,
  sharedUint32,
  toShared,
} from './shared.js';
export type { SimResource } from './sim/Resource.js';
export {
  type SimModel,
  type SimResult,
  type SimSpan,
  type SimTask,
  simulate,
  simulatedRecordings,
} from './sim/simulate.js';
export { alignedBytes, alignUp, DIRECT_ALIGNMENT } from './storage/alignedBytes.js';
export { BlockFile } from './storage/BlockFile.js';
export type { BlockRequest } from './storage/BlockRequest.js';
export { type CalibrationOptions, calibrateStorage, type StorageCalibration } from './storage/calibrate.js';
export type { IoRequest } from './storage/IoRequest.js';
export type { StorageMode } from './storage/openStorageFile.js';
export { StorageDevice, type StorageDeviceOptions, type StorageFile } from './storage/StorageDevice.js';
export { StorageError, type StorageErrorDetails } from './storage/StorageError.js';
export type { StorageStats, StorageTraffic } from './storage/stats.js';
export { median, summariseTimings, type TimingSummary } from './timings.js';
export { SPAN_CATEGORIES, type SpanCategory } from './trace/category.js';
export {
  type ChromeEvent,
  type ChromeTrace,
  type ChromeTraceOptions,
  toChromeTrace,
  writeChromeTrace,
} from './trace/chrome.js';
export { type PhaseSummary, type RankSummary, summariseTrace, type TraceSummary } from './trace/summary.js';
export { createClock, NO_TRACE, openTrace, type Trace } from './trace/Trace.js';
export {
  createTraceBuffer,
  readTrace,
  type Span,
  type TraceBuffer,
  type TraceBufferOptions,
  type TraceRecording,
} from './trace/TraceBuffer.js';
