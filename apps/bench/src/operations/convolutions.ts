/** Convolutions and depthwise ones, with their gradients by image and by filter. */
import * as tf from '@tensorflow/tfjs-core';
import { fill } from '../contenders/inputs.js';
import { type Operation, total } from './Operation.js';
import type { ConvolutionSpec } from './spec.js';

export function convolution(spec: ConvolutionSpec): Operation {
  const { op, of, batch, size, channels, outChannels, filter, stride } = spec;
  const isDepthwise = op === 'depthwise';
  const out = Math.ceil(size / stride);
  const imageShape: [number, number, number, number] = [batch, size, size, channels];
  const outShape: [number, number, number, number] = [batch, out, out, outChannels];
  // Depthwise filters are [height, width, channels, 1].
  const filterShape: [number, number, number, number] = [filter, filter, channels, isDepthwise ? 1 : outChannels];
  // The padding of 'same': what is missing, the smaller half before.
  const before = Math.max(0, (out - 1) * stride + filter - size) >> 1;
  const length = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
  const [x, w, dy] = [fill(length(imageShape), 1), fill(length(filterShape), 2), fill(length(outShape), 3)];
  const image = tf.tensor4d(x, imageShape);
  const taps = tf.tensor4d(w, filterShape);
  const outer = tf.tensor4d(dy, outShape);

  const pixel = (n: number, r: number, c: number, q: number) =>
    r < 0 || c < 0 || r >= size || c >= size ? 0 : x[((n * size + r) * size + c) * channels + q]!;
  const gradient = (n: number, r: number, c: number, k: number) => dy[((n * out + r) * out + c) * outChannels + k]!;
  const tap = (i: number, j: number, q: number, k: number) =>
    isDepthwise
      ? q === k
        ? w[(i * filter + j) * channels + q]!
        : 0
      : w[((i * filter + j) * channels + q) * outChannels + k]!;
  const position = (i: number, side: number, depth: number) =>
    [
      Math.floor(i / (side * side * depth)),
      Math.floor(i / (side * depth)) % side,
      Math.floor(i / depth) % side,
      i % depth,
    ] as const;
  const attributes = { strides: stride, pad: 'same', dimRoundingMode: undefined, dilations: 1 };
  const kernel = (name: string, inputs: tf.NamedTensorMap, shapes: object) =>
    tf.engine().runKernel(name, inputs, { ...attributes, ...shapes } as unknown as tf.NamedAttrMap) as tf.Tensor;

  switch (of) {
    case 'output':
      return {
        run: () =>
          isDepthwise ? tf.depthwiseConv2d(image, taps, stride, 'same') : tf.conv2d(image, taps, stride, 'same'),
        element(i) {
          const [n, r, c, k] = position(i, out, outChannels);
          const [first, count] = isDepthwise ? [k, 1] : [0, channels];
          return total(filter * filter * count, (t) => {
            const [place, q] = [Math.floor(t / count), first + (t % count)];
            const [a, b] = [Math.floor(place / filter), place % filter];
            return pixel(n, r * stride + a - before, c * stride + b - before, q) * tap(a, b, q, k);
          });
        },
      };
    case 'input': {
      const inputs = { dy: outer, filter: taps };
      return {
        run: () =>
          isDepthwise
            ? kernel(tf.DepthwiseConv2dNativeBackpropInput, inputs, {
                inputShape: imageShape,
                strides: [stride, stride],
                dilations: [1, 1],
              })
            : kernel(tf.Conv2DBackpropInput, inputs, { inputShape: imageShape, dataFormat: 'NHWC' }),
        element(i) {
          const [n, r, c, q] = position(i, size, channels);
          const [first, count] = isDepthwise ? [q, 1] : [0, outChannels];
          return total(filter * filter * count, (t) => {
            const [place, k] = [Math.floor(t / count), first + (t % count)];
            const [a, b] = [Math.floor(place / filter), place % filter];
            const [row, col] = [(r + before - a) / stride, (c + before - b) / stride];
            const isHit =
              Number.isInteger(row) && Number.isInteger(col) && row >= 0 && col >= 0 && row < out && col < out;
            return isHit ? gradient(n, row, col, k) * tap(a, b, q, k) : 0;
          });
        },
      };
    }
    case 'filter': {
      const inputs = { x: image, dy: outer };
      return {
        run: () =>
          isDepthwise
            ? kernel(tf.DepthwiseConv2dNativeBackpropFilter, inputs, {
                filterShape,
                strides: [stride, stride],
                dilations: [1, 1],
              })
            : kernel(tf.Conv2DBackpropFilter, inputs, { filterShape, dataFormat: 'NHWC' }),
        element(i) {
          const width = filterShape[3];
          const [a, b] = [Math.floor(i / (filter * channels * width)), Math.floor(i / (channels * width)) % filter];
          const q = Math.floor(i / width) % channels;
          const k = isDepthwise ? q : i % width;
          return total(batch * out * out, (t) => {
            const [n, r, c] = [Math.floor(t / (out * out)), Math.floor(t / out) % out, t % out];
            return pixel(n, r * stride + a - before, c * stride + b - before, q) * gradient(n, r, c, k);
          });
        },
      };
    }
  }
}
