/** Sums and means over leading axes (bias gradients, batch statistics) without the transposition tfjs-wasm makes first. */
import * as tf from '@tensorflow/tfjs-core';
import { elements, floatsOf, replaceKernel } from './backend.js';

/** Replaces Sum and Mean of float32 where the reduced axes are the first ones. Accumulates in float64. */
export function replaceReductions(): void {
  for (const kernelName of ['Sum', 'Mean']) {
    replaceKernel(kernelName, (stock) => (args) => {
      const x = args.inputs.x!;
      const { axis, keepDims } = args.attrs as { axis: number | number[]; keepDims: boolean };
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const isLeading = axes.length > 0 && axes.length < x.shape.length && axes.every((a, i) => a === i);
      if (!isLeading || x.dtype !== 'float32') return stock(args);
      const kept = x.shape.slice(axes.length);
      const rows = elements(x.shape.slice(0, axes.length));
      const cols = elements(kept);
      const out = args.backend.makeOutput(keepDims ? [...axes.map(() => 1), ...kept] : kept, 'float32');
      const from = floatsOf(args.backend, x);
      const sums = new Float64Array(cols);
      for (let r = 0, at = 0; r < rows; r++) for (let c = 0; c < cols; c++) sums[c]! += from[at++]!;
      if (kernelName === 'Mean') for (let c = 0; c < cols; c++) sums[c]! /= rows;
      floatsOf(args.backend, out).set(sums);
      return out;
    });
  }
}
