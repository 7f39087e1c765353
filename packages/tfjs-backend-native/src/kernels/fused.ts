/** The fused product: bias and activation are applied in place, while the product is still in the cache. */
import type { TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { computeInPlace } from './binary.js';
import { product } from './matMul.js';
import { areFloat, type NativeKernels } from './NativeKernel.js';
import { eluInPlace, sigmoidInPlace } from './unary.js';

export const fusedKernels: NativeKernels = {
  _FusedMatMul({ inputs, attrs, backend }) {
    const { a, b, bias, preluActivationWeights } = inputs as Record<string, TensorInfo | undefined>;
    const { transposeA, transposeB, activation, leakyreluAlpha } = attrs;
    const operands = [a!, b!, bias, preluActivationWeights].filter((info) => info !== undefined);
    if (!areFloat(backend, ...operands) || !isKnown(activation)) return undefined;
    const result = product(backend, '_FusedMatMul', a!, b!, Boolean(transposeA), Boolean(transposeB));
    const done =
      (!bias || computeInPlace(backend, 'add', result.info, bias)) &&
      activate(backend, result.info, result.values, activation, preluActivationWeights, leakyreluAlpha);
    if (done) return result.info;
    // A bias larger than the product: let the inherited kernel broadcast the product.
    backend.disposeData(result.info.dataId);
    return undefined;
  },
};

/** Activations that {@link activate} knows. */
export function isKnown(activation: string | undefined): boolean {
  return [undefined, null, 'linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'].includes(activation);
}

/** Applies an activation in place to a tensor in the arena; false if the prelu weights are larger than the tensor. */
export function activate(
  backend: NativeBackend,
  info: TensorInfo,
  values: Float32Array,
  activation: string | undefined,
  preluWeights: TensorInfo | undefined,
  leakyAlpha: number | undefined,
): boolean {
  const { byteOffset, length } = values;
  const { unary } = backend.simd;
  switch (activation) {
    case 'relu':
      unary.relu(byteOffset, byteOffset, length, 0, 0);
      return true;
    case 'relu6':
      unary.clip(byteOffset, byteOffset, length, 0, 6);
      return true;
    case 'elu':
      eluInPlace(backend, values);
      return true;
    case 'sigmoid':
      sigmoidInPlace(backend, values);
      return true;
    case 'leakyrelu':
      unary.leakyRelu(byteOffset, byteOffset, length, leakyAlpha ?? 0, 0);
      return true;
    case 'prelu':
      return preluWeights !== undefined && computeInPlace(backend, 'prelu', info, preluWeights);
    default:
      return true;
  }
}
