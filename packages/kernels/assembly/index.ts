// The module that JavaScript loads. Every pointer is a byte offset into the imported memory; nothing is allocated here.
export { adam, sgd } from './optimizers';
export { dropoutRows, dropoutSparse, philoxBlocks } from './dropout';
export { edgeSoftmax, edgeSoftmaxGradient, sddmm } from './edges';
export { columnSums } from './columnSums';
export { narrow16, sumOfSquares, widen16 } from './numbers';
export { gatherRows, scatterAddRows } from './rows';
export { segmentSum, spmmMax } from './segments';
export { packColumns, spmm } from './spmm';
export { spmmTransposed } from './spmmTransposed';
export { columnMoments, columnProducts, combineColumns, scaleColumns } from './batchNorm';
export { gelu } from './gelu';
export { layerNorm, layerNormGradient } from './layerNorm';
export { crossEntropy, maskedSoftmax, maskedSoftmaxGradient } from './softmax';
export { activate, activationGradient } from './activation';
export { dequantize, packBits, quantize, unpackBits } from './bits';
export { crc32c, crc32cTables, xxHashEnd, xxHashFeed, xxHashStart } from './checksums';
export { collectMagnitudes, countMagnitudes, countMagnitudesIn } from './select';
