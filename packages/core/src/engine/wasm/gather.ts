/** Gathering rows and its gradient, summing rows by segment: the first is slow in tfjs-wasm, the second is missing. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, floatsOf, replaceKernel, wordsOf } from './backend.js';

/** From this many words on, a row is copied by the engine's memory move instead of a loop. */
const BULK_WORDS = 24;

/** Replaces GatherV2 for 32-bit elements and registers UnsortedSegmentSum. */
export function replaceGather(): void {
  replaceKernel('GatherV2', (stock) => (args) => {
    const { x, indices } = args.inputs as { x: tf.TensorInfo; indices: tf.TensorInfo };
    if (x.dtype === 'string' || x.dtype === 'bool' || indices.dtype !== 'int32') return stock(args);
    const { axis, batchDims } = args.attrs as { axis: number; batchDims?: number };
    const parsedAxis = tf.util.parseAxisParam(axis, x.shape)[0]!;
    const limit = x.shape[parsedAxis]!;
    const picked = wordsOf(args.backend, indices);
    for (let i = 0; i < picked.length; i++) {
      const at = picked[i]!;
      if (at < 0 || at >= limit) throw new Error(`GatherV2: the index value ${at} is not in [0, ${limit - 1}]`);
    }
    const info = tf.backend_util.segment_util.collectGatherOpShapeInfo(
      x as tf.Tensor,
      indices as tf.Tensor,
      parsedAxis,
      batchDims ?? 0,
    );
    const out = args.backend.makeOutput(info.outputShape, x.dtype);
    // Allocating may have moved the heap: views are made only now.
    const from = wordsOf(args.backend, x);
    const to = wordsOf(args.backend, out);
    const at = wordsOf(args.backend, indices);
    const { batchSize, outerSize, dimSize, sliceSize } = info;
    const perBatch = batchSize === 0 ? 0 : elements(indices.shape) / batchSize;
    let target = 0;
    for (let b = 0; b < batchSize; b++) {
      for (let o = 0; o < outerSize; o++) {
        const base = (b * outerSize + o) * dimSize;
        for (let i = 0; i < perBatch; i++, target += sliceSize) {
          const source = (base + at[b * perBatch + i]!) * sliceSize;
          if (sliceSize >= BULK_WORDS) to.set(from.subarray(source, source + sliceSize), target);
          else for (let j = 0; j < sliceSize; j++) to[target + j] = from[source + j]!;
        }
      }
    }
    return out;
  });

  replaceKernel('UnsortedSegmentSum', (stock) => (args) => {
    const { x, segmentIds } = args.inputs as { x: tf.TensorInfo; segmentIds: tf.TensorInfo };
    if (x.dtype !== 'float32' && x.dtype !== 'int32') return stock(args);
    const { numSegments } = args.attrs as { numSegments: number };
    const rows = elements(segmentIds.shape);
    const width = rows === 0 ? elements(x.shape.slice(segmentIds.shape.length)) : elements(x.shape) / rows;
    const out = args.backend.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype);
    const read = x.dtype === 'float32' ? floatsOf : wordsOf;
    const from = read(args.backend, x);
    const to = read(args.backend, out).fill(0);
    const segments = wordsOf(args.backend, segmentIds);
    for (let r = 0, source = 0; r < rows; r++, source += width) {
      const segment = segments[r]!;
      if (segment < 0 || segment >= numSegments) continue; // as TensorFlow: dropped
      const target = segment * width;
      for (let j = 0; j < width; j++) to[target + j]! += from[source + j]!;
    }
    return out;
  });
}
