export { createGroups, type GridGroups } from './grid/groups.js';
export { type GridOptions, type GridPlace, type GroupKind, groupKinds, ParallelGrid } from './grid/ParallelGrid.js';
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
