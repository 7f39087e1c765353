/** Clamping that keeps NaN; XNNPACK, which tfjs-wasm uses, turns it into the lower bound. */
import type * as tf from '@tensorflow/tfjs-core';
import { floatsOf, replaceKernel, wordsOf } from './backend.js';

/** Replaces ClipByValue. */
export function replaceClip(): void {
  replaceKernel('ClipByValue', () => ({ inputs, backend, attrs }) => {
    const x = inputs.x as tf.TensorInfo;
    const { clipValueMin: low, clipValueMax: high } = attrs as { clipValueMin: number; clipValueMax: number };
    const out = backend.makeOutput(x.shape, x.dtype);
    const read = x.dtype === 'float32' ? floatsOf : wordsOf;
    const from = read(backend, x);
    const to = read(backend, out);
    for (let i = 0; i < to.length; i++) {
      to[i] = Math.min(Math.max(from[i]!, low), high);
    }
    return out;
  });
}
