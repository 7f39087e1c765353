export type { ClusterSpec, LinkSpec, StorageSpec } from './cluster/Cluster.js';
export { type LinkClass, sumTraffic, TrafficLedger, type TrafficRow } from './comm/counters.js';
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
export type { Device, MemoryAccount } from './device/Device.js';
export type { EngineName } from './engine/choose.js';
export {
  AbortedError,
  CommMismatchError,
  CommTimeoutError,
  DataError,
  deserializeError,
  NonFiniteError,
  OptionError,
  RankFailedError,
  registerErrorClass,
  type SerializedError,
  ShapeError,
  StrataError,
  serializeError,
} from './errors.js';
export type { RankContext, RankEntry } from './launch/RankContext.js';
export { Rng } from './rng.js';
export type { SpanCategory, Trace } from './trace/Trace.js';
