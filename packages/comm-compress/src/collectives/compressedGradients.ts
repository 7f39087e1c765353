/** A compressed all-reduce of tfjs gradients, in one line. */
import type { ProcessGroup } from '@strata-ml/core';
import { readTensor, tensorFrom } from '@strata-ml/kernels';
import type { Tensor } from '@tensorflow/tfjs-core';
import type { CodecSource } from '../codecs/compose.js';
import { GradientCompressor, type GradientCompressorOptions } from './GradientCompressor.js';

/** Gradients by name, as `tf.variableGrads` gives them. */
export type NamedGradients = Readonly<Record<string, Tensor>>;

/**
 * Makes a function that averages gradients over the ranks of a group, compressed: put it between `tf.variableGrads` and
 * `optimizer.applyGradients`, and a loop for one device becomes data parallel.
 *
 * The function takes gradients by name, float32, disposes them and gives new tensors in their place. All ranks must call it with
 * the same names; they are averaged in alphabetical order. Blocks until done.
 *
 * @throws {@link OptionError} if the codec, the aggregation and the feedback do not go together.
 */
export function compressedGradients(
  group: ProcessGroup,
  codec: CodecSource,
  options: GradientCompressorOptions = {},
): (gradients: NamedGradients) => Record<string, Tensor> {
  const compressor = new GradientCompressor(group, codec, options);
  return (gradients) => {
    const names = Object.keys(gradients).sort();
    const tensors = names.map((key) => {
      const tensor = gradients[key]!;
      return { key, shape: tensor.shape, values: (readTensor(tensor) as Float32Array).slice() };
    });
    compressor.average(tensors);
    const averaged = tensors.map(({ key, shape, values }) => {
      gradients[key]!.dispose();
      return [key, tensorFrom([...shape], (data) => data.set(values))] as const;
    });
    return Object.fromEntries(averaged);
  };
}
