export { type DatasetInfo, type DatasetSummary, datasetInfo, listDatasets } from './catalogue.js';
export type { DatasetMeta } from './format/meta.js';
export { randomSplit } from './format/splits.js';
export { type LoadOptions, loadNodeDataset } from './loadNodeDataset.js';
export type { NodeDataset, SparseFeatures, Split } from './NodeDataset.js';
export type { RegisteredDataset, RegisteredFile } from './registry/registry.js';
export { cacheRoot, dataRoots } from './roots.js';
export { type Verification, type VerifiedFile, verifyDataset } from './verify.js';
