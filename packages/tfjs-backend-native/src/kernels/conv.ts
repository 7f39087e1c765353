/**
 * Two-dimensional convolutions of NHWC images and their gradients: which of three forms computes them.
 *
 * Where the window is one pixel, all three are plain products (`pointwiseConv.ts`). Otherwise:
 * The blocked form (`blockedConv.ts`, `blockedFilterGradient.ts`) is faster wherever there is enough to do; the patch
 * form (`patchConv.ts`) needs no rearranged filter and serves the rest, and machines without channel blocks.
 */
import { backend_util, type TensorInfo } from '@tensorflow/tfjs-core';
import type { NativeBackend } from '../NativeBackend.js';
import { computeInPlace } from './binary.js';
import { blockedForward, blockedInputGradient, inputPhases } from './blockedConv.js';
import { blockedFilterGradient } from './blockedFilterGradient.js';
import { channelBlock } from './channelBlocks.js';
import { activate, isKnown } from './fused.js';
import { areFloat, type NativeKernels, sizeOf } from './NativeKernel.js';
import { patchFilterGradient, patchForward, patchInputGradient } from './patchConv.js';
import { isPointwise, pointwiseFilterGradient, pointwiseForward, pointwiseInputGradient } from './pointwiseConv.js';
import { withScratch } from './scratch.js';

/**
 * Output pixels of the batch from which on the blocked form is faster. Measured: `scripts/thresholds.mjs`.
 */
const BLOCKED_PIXELS = 128;

/** Written channels from which on a block that is mostly padding still beats patches. Measured there, too. */
const BLOCKED_CHANNELS = 3;

type Conv2DInfo = backend_util.Conv2DInfo;

export const convKernels: NativeKernels = {
  Conv2D({ inputs: { x, filter }, attrs, backend }) {
    const info = convInfo(x.shape, filter.shape, attrs);
    if (!areFloat(backend, x, filter) || !isPlain(info)) return undefined;
    return forward(backend, x, filter, info).info;
  },

  FusedConv2D({ inputs, attrs, backend }) {
    const { x, filter, bias, preluActivationWeights } = inputs as Record<string, TensorInfo | undefined>;
    const info = convInfo(x!.shape, filter!.shape, attrs);
    const operands = [x!, filter!, bias, preluActivationWeights].filter((operand) => operand !== undefined);
    if (!areFloat(backend, ...operands) || !isPlain(info) || !isKnown(attrs.activation)) return undefined;
    const isVector = bias !== undefined && backend.floats(bias).length === info.outChannels && bias.shape.length === 1;
    if ((isPointwise(info) || usesBlocks(backend, info)) && (isVector || !bias)) {
      const isRelu = attrs.activation === 'relu';
      const result = forward(backend, x!, filter!, info, { bias, isRelu });
      const { activation, leakyreluAlpha } = attrs;
      const done =
        isRelu || activate(backend, result.info, result.values, activation, preluActivationWeights, leakyreluAlpha);
      if (done) return result.info;
      backend.disposeData(result.info.dataId);
      return undefined;
    }
    const result = forward(backend, x!, filter!, info);
    const done =
      (!bias || computeInPlace(backend, 'add', result.info, bias)) &&
      activate(backend, result.info, result.values, attrs.activation, preluActivationWeights, attrs.leakyreluAlpha);
    if (done) return result.info;
    backend.disposeData(result.info.dataId);
    return undefined;
  },

  Conv2DBackpropFilter({ inputs: { x, dy }, attrs, backend }) {
    const info = convInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 });
    if (!areFloat(backend, x, dy) || !isPlain(info, dy)) return undefined;
    const image = backend.address(x.dataId);
    const gradient = backend.address(dy.dataId);
    const { dataId, values } = backend.allocate('Conv2DBackpropFilter', sizeOf(info.filterShape), 'float32');
    if (isPointwise(info)) {
      withScratch(backend.arena, 'Conv2DBackpropFilter', (scratch) => {
        pointwiseFilterGradient(backend, scratch, info, image, gradient, values.byteOffset);
      });
    } else if (usesBlocks(backend, info)) {
      withScratch(backend.arena, 'Conv2DBackpropFilter', (scratch) => {
        blockedFilterGradient(backend, scratch, info, channelBlock(backend), image, gradient, values.byteOffset);
      });
    } else {
      patchFilterGradient(backend, info, image, gradient, values);
    }
    return { dataId, shape: info.filterShape, dtype: 'float32' };
  },

  Conv2DBackpropInput({ inputs: { dy, filter }, attrs, backend }) {
    const info = convInfo(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 });
    if (!areFloat(backend, dy, filter) || !isPlain(info, dy)) return undefined;
    const gradient = backend.address(dy.dataId);
    const weights = backend.address(filter.dataId);
    const { dataId, values } = backend.allocate('Conv2DBackpropInput', sizeOf(info.inShape), 'float32');
    const isWide = info.inChannels >= BLOCKED_CHANNELS;
    const phases = isWide && !isPointwise(info) && usesBlocks(backend, info) ? inputPhases(info) : undefined;
    if (isPointwise(info)) {
      withScratch(backend.arena, 'Conv2DBackpropInput', (scratch) => {
        pointwiseInputGradient(backend, scratch, info, gradient, weights, values);
      });
    } else if (phases) {
      withScratch(backend.arena, 'Conv2DBackpropInput', (scratch) => {
        blockedInputGradient(backend, scratch, info, channelBlock(backend), gradient, weights, values, phases);
      });
    } else {
      patchInputGradient(backend, info, gradient, weights, values);
    }
    return { dataId, shape: info.inShape, dtype: 'float32' };
  },
};

function convInfo(
  inShape: number[],
  filterShape: number[],
  // biome-ignore lint/suspicious/noExplicitAny: attributes as tfjs-core defines them for these kernels
  { strides, pad, dataFormat, dilations, dimRoundingMode }: any,
): Conv2DInfo {
  return backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations,
    pad,
    dimRoundingMode,
    false,
    backend_util.convertConv2DDataFormat(dataFormat),
  );
}

/** NHWC, not empty, and a gradient (if given) of the shape that the output has: what both forms handle. */
function isPlain(info: Conv2DInfo, dy?: TensorInfo): boolean {
  if (dy?.shape.some((dim, i) => dim !== info.outShape[i])) return false;
  return info.dataFormat === 'channelsLast' && sizeOf(info.inShape) > 0 && sizeOf(info.outShape) > 0;
}

function usesBlocks(backend: NativeBackend, info: Conv2DInfo): boolean {
  return info.batchSize * info.outHeight * info.outWidth >= BLOCKED_PIXELS && channelBlock(backend) > 0;
}

function forward(
  backend: NativeBackend,
  x: TensorInfo,
  filter: TensorInfo,
  info: Conv2DInfo,
  { bias, isRelu = false }: { readonly bias?: TensorInfo | undefined; readonly isRelu?: boolean } = {},
): { readonly info: TensorInfo; readonly values: Float32Array } {
  const image = backend.address(x.dataId);
  const weights = backend.address(filter.dataId);
  const offsets = bias && backend.address(bias.dataId);
  const { dataId, values } = backend.allocate('Conv2D', sizeOf(info.outShape), 'float32');
  if (isPointwise(info)) {
    withScratch(backend.arena, 'Conv2D', (scratch) => {
      const tail = { bias: offsets, isRelu };
      pointwiseForward(backend, scratch, info, image, weights, values.byteOffset, tail);
    });
  } else if (usesBlocks(backend, info)) {
    withScratch(backend.arena, 'Conv2D', (scratch) => {
      const tail = { bias: bias && backend.floats(bias), isRelu };
      blockedForward(backend, scratch, info, channelBlock(backend), image, weights, values.byteOffset, tail);
    });
  } else {
    patchForward(backend, info, image, weights, values.byteOffset);
  }
  return { info: { dataId, shape: info.outShape, dtype: 'float32' }, values };
}
