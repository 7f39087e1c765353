export { type CsrGraph, checkGraph } from './csr/CsrGraph.js';
export { type Components, connectedComponents } from './csr/connectedComponents.js';
export { csrFromEdges, type DuplicateWeight, type EdgeArrays, type SelfLoops } from './csr/csrFromEdges.js';
export { type DegreeBar, type DegreeStatistics, type Degrees, degreeStatistics, degrees } from './csr/degrees.js';
export {
  type EdgeList,
  edgesOf,
  inducedSubgraph,
  invertPermutation,
  isSymmetric,
  messageGraph,
  relabelGraph,
  symmetrizeGraph,
  transposeGraph,
  withSelfLoops,
} from './csr/transform.js';
export {
  type PartitionMethod,
  type PartitionOptions,
  type PartitionProgress,
  partitionMethods,
  type StreamOrder,
  streamOrders,
} from './partition/options.js';
export { partition } from './partition/partition.js';
export { partitionCluster } from './partition/partitionCluster.js';
export {
  type HaloPair,
  type PartitionMetrics,
  type PartitionMetricsOptions,
  partitionMetrics,
} from './partition/partitionMetrics.js';
