export { type CsrGraph, checkGraph } from './csr/CsrGraph.js';
export { type Components, connectedComponents } from './csr/connectedComponents.js';
export { csrFromEdges, type DuplicateWeight, type EdgeArrays, type SelfLoops } from './csr/csrFromEdges.js';
export { type DegreeBar, type DegreeStatistics, type Degrees, degreeStatistics, degrees } from './csr/degrees.js';
export { isSymmetric } from './csr/symmetry.js';
export {
  type EdgeList,
  edgesOf,
  inducedSubgraph,
  invertPermutation,
  messageGraph,
  relabelGraph,
  symmetrizeGraph,
  transposeGraph,
  withSelfLoops,
} from './csr/transform.js';
export { type GridOptions, grid } from './generate/grid.js';
export { type PowerLawCommunityOptions, powerLawCommunity } from './generate/powerLawCommunity.js';
export { type RandomGraphOptions, randomGraph, scaledRandomGraph } from './generate/randomGraph.js';
export { type RmatOptions, rmat } from './generate/rmat.js';
export { type SbmGraph, type SbmOptions, sbm } from './generate/sbm.js';
export {
  type FromGraphologyOptions,
  fromGraphology,
  type GraphologyLike,
  type ToGraphologyOptions,
  toGraphology,
} from './interop/graphology.js';
export {
  type BuildOptions,
  type GraphFormat,
  graphFormats,
  type LoadedGraph,
  type ReadOptions,
} from './io/LoadedGraph.js';
export type { ReadControl, ReadProgress } from './io/lineBlocks.js';
export { readPartitionFile, writePartitionFile } from './io/partitionFile.js';
export { readBinaryEdges } from './io/readBinaryEdges.js';
export { type EdgeListOptions, readEdgeList } from './io/readEdgeList.js';
export { detectGraphFormat, type ReadGraphOptions, readGraph } from './io/readGraph.js';
export { type MatrixMarketOptions, readMatrixMarket } from './io/readMatrixMarket.js';
export { readMetis } from './io/readMetis.js';
export { type NumberTable, type NumberTableOptions, readNumberTable } from './io/readNumberTable.js';
export { type OgbCsvOptions, type OgbGraph, readOgbCsv } from './io/readOgbCsv.js';
export { type WriteEdgeListOptions, type WriteMetisOptions, writeEdgeList, writeMetis } from './io/writeGraph.js';
export { hasMetis } from './partition/metis.js';
export {
  type PartitionMethod,
  type PartitionObjective,
  type PartitionOptions,
  type PartitionProgress,
  partitionMethods,
  partitionObjectives,
  type StreamOrder,
  streamOrders,
} from './partition/options.js';
export { partition } from './partition/partition.js';
export { partitionCluster } from './partition/partitionCluster.js';
export { type PartitionExpansion, partitionExpansion } from './partition/partitionExpansion.js';
export {
  type HaloPair,
  type PartitionMetrics,
  type PartitionMetricsOptions,
  partitionMetrics,
} from './partition/partitionMetrics.js';
export { isBinaryEdgePath } from './stream/edgeFile.js';
export type { EdgePieces, ShuffleChoice } from './stream/edgeInput.js';
export { type GremResult, grem } from './stream/grem.js';
export type { GremOptions, GremProgress } from './stream/gremOptions.js';
export { type WriteEdgesOptions, type WrittenEdges, writePowerLawEdges, writeRmatEdges } from './stream/writeEdges.js';
export {
  type PartitionLayout,
  type PartitionLayoutOptions,
  permuteRows,
  writePartitionLayout,
} from './stream/writeLayout.js';
