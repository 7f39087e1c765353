export { type Activation, activateInto, activationGradientInto } from './activation.js';
export {
  type BatchNormGradientOptions,
  type BatchNormOptions,
  batchNormGradientInto,
  batchNormInto,
} from './batchNorm.js';
export { type BlockCodeOptions, dequantizeBlocksInto, quantizeBlocksInto, ternaryInto } from './blockCodes.js';
export { crc32c, xxHash64 } from './checksums.js';
export { columnSumsInto } from './columnSums.js';
export { crossEntropyInto } from './crossEntropy.js';
export { type Csr, transposeCsr } from './csr.js';
export { type DropoutKey, dropoutRows, dropoutRowsInto, dropoutSparse } from './dropout.js';
export { edgeSoftmax, edgeSoftmaxGradientInto, edgeSoftmaxInto, sddmmInto } from './edges.js';
export { NonFiniteError, OptionError, ShapeError, StrataError } from './errors.js';
export { type GeluForm, geluInto } from './gelu.js';
export { gatherHalfRowsInto, type HalfFormat, scatterAddHalfRowsInto } from './halfRows.js';
export { bfloat16From, bfloat16To, float16From, float16To } from './halves.js';
export { type KernelMemory, useKernelMemory } from './kernelMemory.js';
export { type KernelVariant, kernelVariant } from './kernelModule.js';
export { layerNormGradientInto, layerNormInto } from './layerNorm.js';
export { type Moments, moments } from './moments.js';
export { type OutOfDeviceMemoryDetails, OutOfDeviceMemoryError } from './OutOfDeviceMemoryError.js';
export { type AdamOptions, adamStep, type SgdOptions, sgdStep } from './optimizers.js';
export { philox4x32 } from './philox.js';
export { type MultiplyOptions, multiplyInto, orthonormalizeRows } from './products.js';
export {
  dequantizeInto,
  packBitsInto,
  packedBytes,
  type QuantizeOptions,
  quantizeInto,
  unpackBitsInto,
} from './quantize.js';
export { gatherRowsInto, scatterAddRowsInto } from './rows.js';
export { SparseOperator } from './SparseOperator.js';
export { segmentMeanInto, segmentSumInto } from './segments.js';
export { packSignsInto, unpackSignsInto } from './signs.js';
export { type MaskedSoftmaxOptions, maskedSoftmaxGradientInto, maskedSoftmaxInto } from './softmax.js';
export { type SpmmOptions, spmm, spmmInto } from './spmm.js';
export { spmmMax, spmmMaxGradientInto, spmmMaxInto } from './spmmMax.js';
export { spmmTransposedInto } from './spmmTransposed.js';
export { sumOfSquares } from './sumOfSquares.js';
export { readTensor, tensorFrom, unfilledTensor } from './tensors.js';
export { topKInto } from './topK.js';
export type { WasmMemory } from './webAssembly.js';
