/** Gradients of pooling in loops over channels: tfjs-wasm has none for averages, and its one for maxima misses windows. */
import * as tf from '@tensorflow/tfjs-core';
import { floatsOf, type KernelArgs, replaceKernel } from './backend.js';
import { onCpu } from './bridge.js';

type Conv2DInfo = tf.backend_util.Conv2DInfo;

interface Attrs {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** Replaces MaxPoolGrad and registers AvgPoolGrad. */
export function replacePoolingGradients(): void {
  replaceKernel('MaxPoolGrad', () => (args) => {
    const { dy, input } = args.inputs as { dy: tf.TensorInfo; input: tf.TensorInfo };
    if (input.dtype !== 'float32') return onCpu(tf.getKernel('MaxPoolGrad', 'cpu').kernelFunc, args) as tf.TensorInfo;
    const info = infoOf(input, args);
    const out = args.backend.makeOutput(input.shape, 'float32');
    const [x, gradient] = [floatsOf(args.backend, input), floatsOf(args.backend, dy)];
    const to = floatsOf(args.backend, out).fill(0);
    const channels = info.inChannels;
    const best = new Float32Array(channels);
    const at = new Int32Array(channels);
    forEachWindow(info, (output, places) => {
      best.fill(Number.NEGATIVE_INFINITY);
      at.fill(-1);
      // Of equal elements the first gets the gradient; NaN is never the largest.
      for (const place of places) {
        for (let c = 0; c < channels; c++) {
          const value = x[place + c]!;
          if (value > best[c]!) {
            best[c] = value;
            at[c] = place;
          }
        }
      }
      for (let c = 0; c < channels; c++) if (at[c]! >= 0) to[at[c]! + c]! += gradient[output + c]!;
    });
    return out;
  });
  replaceKernel('AvgPoolGrad', () => (args) => {
    const { dy, input } = args.inputs as { dy: tf.TensorInfo; input: tf.TensorInfo };
    const info = infoOf(input, args);
    const out = args.backend.makeOutput(input.shape, 'float32');
    const gradient = floatsOf(args.backend, dy);
    const to = floatsOf(args.backend, out).fill(0);
    // As tfjs defines it: by the size of the window, also where it reaches over the edge.
    const share = 1 / (info.filterHeight * info.filterWidth);
    forEachWindow(info, (output, places) => {
      for (const place of places) {
        for (let c = 0; c < info.inChannels; c++) to[place + c]! += share * gradient[output + c]!;
      }
    });
    return out;
  });
}

function infoOf(x: tf.TensorInfo, { attrs }: KernelArgs): Conv2DInfo {
  const { filterSize, strides, pad, dimRoundingMode } = attrs as unknown as Attrs;
  const shape = x.shape as [number, number, number, number];
  return tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
}

/** Visits every window: the offset of its output pixel, and those of its input pixels inside of the image, row by row. */
function forEachWindow(info: Conv2DInfo, visit: (output: number, places: readonly number[]) => void): void {
  const { batchSize, inHeight, inWidth, inChannels, outHeight, outWidth, filterHeight, filterWidth } = info;
  const { strideHeight, strideWidth, padInfo } = info;
  const places: number[] = [];
  for (let b = 0, output = 0; b < batchSize; b++) {
    for (let oy = 0; oy < outHeight; oy++) {
      const top = oy * strideHeight - padInfo.top;
      for (let ox = 0; ox < outWidth; ox++, output += inChannels) {
        const left = ox * strideWidth - padInfo.left;
        places.length = 0;
        for (let y = Math.max(0, top); y < Math.min(inHeight, top + filterHeight); y++) {
          for (let x = Math.max(0, left); x < Math.min(inWidth, left + filterWidth); x++) {
            places.push(((b * inHeight + y) * inWidth + x) * inChannels);
          }
        }
        visit(output, places);
      }
    }
  }
}
