export type { SafetensorsType } from './checkpoint/layout.js';
export {
  decodeSafetensors,
  encodeSafetensors,
  type LoadedTensor,
  loadSafetensors,
  type SafetensorsFile,
  saveSafetensors,
  type TensorToSave,
} from './checkpoint/safetensors.js';
export { type CnnConfig, cnnLayer, cnnLogits, cnnParameters } from './classifier/cnn.js';
export { type MlpConfig, mlpLayer, mlpLogits, mlpParameters } from './classifier/mlp.js';
export { dropoutKey } from './dropoutKey.js';
export { type FeatureNorm, featureNorms, normaliseFeatures } from './featureNorm.js';
export type { GraphContext, InputRows, NeighbourBlock, Normaliser } from './GraphContext.js';
export { createGnn } from './gnn/createGnn.js';
export { importLayer, type LayerFactory, type LayerParameters } from './gnn/customLayer.js';
export type { GnnModel, GnnStage, GradientWatcher, ModelBuffer, Parameter } from './gnn/GnnModel.js';
export {
  exchangeWidths,
  type GnnModelName,
  type GnnNorm,
  type GnnSpec,
  gnnModels,
  gnnNorms,
  type Initialiser,
  type ResolvedGnnSpec,
  resolveGnnSpec,
} from './gnn/spec.js';
export { batchNorm, type NormContext, type RunningStatistics } from './layers/batchNorm.js';
export type { Convolution, ConvolutionSpec } from './layers/convolution.js';
export { addBias, affine, multiply, multiplyConstant, relu, sum } from './layers/denseOps.js';
export { edgeAttention } from './layers/edgeAttention.js';
export { layerNorm } from './layers/layerNorm.js';
export type { Start } from './layers/ParameterStore.js';
export { type LocalGraphContext, type LocalGraphOptions, localGraphContext } from './localGraphContext.js';
export { bceSum } from './loss/binaryCrossEntropy.js';
export { crossEntropySum } from './loss/crossEntropy.js';
export { type AccuracyCounts, accuracy, type F1Counts, microF1 } from './loss/metrics.js';
export { type LayerRates, measureLayerRates } from './measureLayerRates.js';
export type { NodeFeatures } from './NodeFeatures.js';
export { normalisedWeights } from './normalisedWeights.js';
export {
  flattenParameters,
  type LossAndGradients,
  lossAndGradients,
  parameterCount,
  unflattenParameters,
} from './optim/flat.js';
export {
  createOptimizer,
  type Optimizer,
  type OptimizerName,
  type OptimizerSpec,
  type OptimizerState,
  optimizers,
} from './optim/Optimizer.js';
export { type GptConfig, type GptOptions, gptConfig } from './transformer/GptConfig.js';
export { GptDecoder } from './transformer/GptDecoder.js';
export { type GenerateOptions, generateTokens } from './transformer/generateTokens.js';
export { gptBlock } from './transformer/gptBlock.js';
export { gptEmbedding } from './transformer/gptEmbedding.js';
export { loadGpt, type SavedGpt, saveGpt } from './transformer/gptFile.js';
export { gptHead, IGNORED_TARGET, languageModelLoss, vocabularyRange } from './transformer/gptHead.js';
export { gptLogits } from './transformer/gptLogits.js';
export { type MaskOptions, maskTokens } from './transformer/maskTokens.js';
export {
  gptParameters,
  initialiseParameter,
  type ParameterPart,
  partShape,
  slicePart,
  type TransformerParameter,
} from './transformer/parameters.js';
export { exportGpt2, importGpt2, type NamedTensors } from './transformer/published.js';
export {
  type SamplingOptions,
  sampleToken,
  type TokenDistribution,
  tokenDistribution,
} from './transformer/sampling.js';
export { singleDevice, type TensorParallel } from './transformer/TensorParallel.js';
export {
  type TransformerOptions,
  type TransformerWeights,
  transformerDropoutKey,
} from './transformer/TransformerOptions.js';
