export { Checkpoint, type Resumed } from './checkpoint/Checkpoint.js';
export type { WholeModel, WholeParameter } from './checkpoint/gather.js';
export {
  type Aggregation,
  aggregations,
  type Codec,
  type FixedSizeCodec,
  isFixedSize,
  type Payload,
} from './codecs/Codec.js';
export {
  type ChainableCodec,
  type CodecChoice,
  type CodecQuestion,
  type CodecSource,
  chain,
  codecFor,
  perLink,
  perTensor,
  schedule,
} from './codecs/compose.js';
export { bf16, type ElementCodec, type Fp16Options, fp16, fp32 } from './codecs/elementFormats.js';
export type { LinearCodec, Part, SumNetwork } from './codecs/linear.js';
export { breakEvenBandwidth, type CodecReport, measureCodec, relativeError } from './codecs/measure.js';
export { codecNames, parseCodec } from './codecs/parseCodec.js';
export { type PowerSgdCodec, type PowerSgdOptions, powerSgd } from './codecs/powerSgd.js';
export {
  type Int8Options,
  int8,
  type QsgdOptions,
  qsgd,
  type TernGradOptions,
  ternGrad,
} from './codecs/quantised.js';
export { efSign, oneBit, oneBitSgd, type SignumOptions, signSgd, signum } from './codecs/signs.js';
export {
  type RandomKCodec,
  type RandomKOptions,
  type RatioOptions,
  randomK,
  type ThresholdOptions,
  threshold,
  topK,
} from './codecs/sparse.js';
export { type AllReduceCompressedOptions, allReduceCompressed } from './collectives/allReduceCompressed.js';
export { compressedGradients, type NamedGradients } from './collectives/compressedGradients.js';
export {
  type CompressionStats,
  GradientCompressor,
  type GradientCompressorOptions,
  type NamedTensor,
} from './collectives/GradientCompressor.js';
export { legalAggregations } from './collectives/legal.js';
export { OneBitAdam, type OneBitAdamOptions } from './collectives/OneBitAdam.js';
export { FlatParameters, type ParameterSlot } from './dataParallel/FlatParameters.js';
export { type EmbeddingSync, embeddingSyncs } from './dataParallel/gradientSync.js';
export { type JoinedParameter, joinParts } from './dataParallel/joinParts.js';
export { ErrorFeedback, type ErrorFeedbackOptions, type FeedbackKind } from './feedback/ErrorFeedback.js';
export { createGroups, type GridGroups } from './grid/groups.js';
export { type GridOptions, type GridPlace, type GroupKind, groupKinds, ParallelGrid } from './grid/ParallelGrid.js';
export {
  type AnalysisOptions,
  analyzeCriticalPath,
  type CriticalPath,
  type ModePrediction,
  selectStages,
} from './optimus/analyzeCriticalPath.js';
export { type BaselineCodecs, optimusBaselines } from './optimus/baselines.js';
export type { LepReport } from './optimus/LepMonitor.js';
export {
  type BackwardMode,
  backwardModes,
  type CompressedBackward,
  checkOptimusConfig,
  type OptimusConfig,
  optimusCC,
  type SelectiveStages,
} from './optimus/OptimusConfig.js';
export { lepDiagnostics, OptimusWire } from './optimus/OptimusWire.js';
export {
  type CodecProfile,
  type CompressionChoice,
  type LinkProfile,
  predictStep,
  type StepPrediction,
  type TrainingProfile,
} from './optimus/predictStep.js';
export { type ProfileCodecs, profileRun } from './optimus/profileRun.js';
export { type ResolvedCompression, resolveCompression } from './optimus/resolveCompression.js';
export { floatCodec, type WireFormat, wireFormats } from './pipeline/floatCodec.js';
export { buildSchedule, type ScheduleOptions } from './schedule/buildSchedule.js';
export {
  type ComputeOp,
  type ExchangeOp,
  formatOps,
  type P2pMode,
  p2pModes,
  type Schedule,
  type ScheduleKind,
  type ScheduleOp,
  scheduleKinds,
  type TransferOp,
} from './schedule/ops.js';
export {
  type ScheduleTiming,
  type StageSeconds,
  simulateSchedule,
  type Timeline,
  type TimelineSpan,
} from './schedule/simulateSchedule.js';
export {
  ScheduleError,
  type ScheduleFacts,
  type ValidateOptions,
  validateSchedule,
} from './schedule/validateSchedule.js';
export { gptStages } from './stages/gptStages.js';
export { cnnStages, mlpStages } from './stages/layerStages.js';
export type {
  MicroBatch,
  StageFactory,
  StageModule,
  StageParameter,
  StagePass,
  StagePlace,
} from './stages/StageModule.js';
export type { GroupTensorParallel } from './tensorParallel/groupTensorParallel.js';
export { type ArrayBatchOptions, arrayBatches, type LabelledArrays } from './train/arrayBatches.js';
export { type BatchSource, type TokenBatchOptions, tokenBatches } from './train/BatchSource.js';
export { createTrainer, type TrainerModel } from './train/createTrainer.js';
export { expectedTraffic, type StepTraffic } from './train/expectedTraffic.js';
export type {
  BoundaryMessage,
  Direction,
  GradientRegion,
  GradientSlot,
  GradientSync,
  HookContext,
  HooksModule,
  TrainHooks,
  TrainHooksFactory,
  WireCodec,
} from './train/hooks.js';
export type { LanguageData, LanguageModelOptions } from './train/languageModelOptions.js';
export { type LearningRateOptions, learningRateAt } from './train/learningRate.js';
export type { LossScale, LossScaleState, LossScaling } from './train/lossScale.js';
export type {
  LanguageModelEvent,
  LanguageModelMetrics,
  LanguageModelReport,
  StepRow,
} from './train/report.js';
export type { SlotMoments, SlotOptimizer } from './train/SlotOptimizer.js';
export type { StepReport, StepSeconds } from './train/StepReport.js';
export type { Trainer, TrainerParts } from './train/Trainer.js';
export type { ResolvedTrainerOptions, TrainerOptions } from './train/TrainerOptions.js';
export { resolveTrainerOptions } from './train/TrainerOptions.js';
export { trainLanguageModel } from './trainLanguageModel.js';
