/** Gradients of depthwise convolutions, which tfjs-wasm lacks; loops over channels, which lie side by side. */
import * as tf from '@tensorflow/tfjs-core';
import { floatsOf, type KernelArgs, replaceKernel } from './backend.js';

type Conv2DInfo = tf.backend_util.Conv2DInfo;
type Shape4 = [number, number, number, number];

interface Attrs {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
  readonly filterShape: Shape4;
  readonly inputShape: Shape4;
}

/** Registers DepthwiseConv2dNativeBackpropFilter and DepthwiseConv2dNativeBackpropInput. */
export function replaceDepthwiseGradients(): void {
  replaceKernel('DepthwiseConv2dNativeBackpropFilter', () => ({ inputs, backend, attrs }: KernelArgs) => {
    const { x, dy } = inputs as { x: tf.TensorInfo; dy: tf.TensorInfo };
    const { filterShape, ...rest } = attrs as unknown as Attrs;
    const info = infoOf(x.shape, filterShape, rest);
    const out = backend.makeOutput(filterShape, 'float32');
    const [from, gradient] = [floatsOf(backend, x), floatsOf(backend, dy)];
    // In float64: a filter's gradient sums over all pixels of all images.
    const sums = new Float64Array(filterShape.reduce((n, d) => n * d, 1));
    const { inChannels, outChannels } = info;
    const multiplier = outChannels / Math.max(1, inChannels);
    forEachPlace(info, (input, output, filter) => {
      for (let c = 0, o = 0; c < inChannels; c++) {
        const value = from[input + c]!;
        for (let q = 0; q < multiplier; q++, o++) sums[filter + o]! += value * gradient[output + o]!;
      }
    });
    floatsOf(backend, out).set(sums);
    return out;
  });
  replaceKernel('DepthwiseConv2dNativeBackpropInput', () => ({ inputs, backend, attrs }: KernelArgs) => {
    const { dy, filter } = inputs as { dy: tf.TensorInfo; filter: tf.TensorInfo };
    const { inputShape, ...rest } = attrs as unknown as Attrs;
    const info = infoOf(inputShape, filter.shape, rest);
    const out = backend.makeOutput(inputShape, 'float32');
    const [gradient, weights] = [floatsOf(backend, dy), floatsOf(backend, filter)];
    const to = floatsOf(backend, out).fill(0);
    const { inChannels, outChannels } = info;
    const multiplier = outChannels / Math.max(1, inChannels);
    forEachPlace(info, (input, output, at) => {
      for (let c = 0, o = 0; c < inChannels; c++) {
        let sum = 0;
        for (let q = 0; q < multiplier; q++, o++) sum += weights[at + o]! * gradient[output + o]!;
        to[input + c]! += sum;
      }
    });
    return out;
  });
}

function infoOf(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Omit<Attrs, 'filterShape' | 'inputShape'>,
): Conv2DInfo {
  const { strides, dilations = 1, pad, dimRoundingMode } = attrs;
  return tf.backend_util.computeConv2DInfo(
    inputShape as Shape4,
    filterShape as Shape4,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    true,
  );
}

/** Visits every pair of an output pixel and a place of the filter that falls inside of the image, by their offsets. */
function forEachPlace(info: Conv2DInfo, visit: (input: number, output: number, filter: number) => void): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, outChannels, filterHeight, filterWidth } =
    info;
  const { strideHeight, strideWidth, dilationHeight, dilationWidth, padInfo } = info;
  for (let b = 0, output = 0; b < batchSize; b++) {
    for (let oy = 0; oy < outHeight; oy++) {
      for (let ox = 0; ox < outWidth; ox++, output += outChannels) {
        for (let fy = 0; fy < filterHeight; fy++) {
          const iy = oy * strideHeight + fy * dilationHeight - padInfo.top;
          if (iy < 0 || iy >= inHeight) continue;
          for (let fx = 0; fx < filterWidth; fx++) {
            const ix = ox * strideWidth + fx * dilationWidth - padInfo.left;
            if (ix < 0 || ix >= inWidth) continue;
            visit(((b * inHeight + iy) * inWidth + ix) * inChannels, output, (fy * filterWidth + fx) * outChannels);
          }
        }
      }
    }
  }
}
