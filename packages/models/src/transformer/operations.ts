/** What a transformer block is made of: the engine's fused operations where it has them, composed ones elsewhere. */
import { type DropoutKey, dropoutRowsInto, geluInto, readTensor, unfilledTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { affine } from '../layers/denseOps.js';
import { layerNorm } from '../layers/layerNorm.js';
import { crossEntropySum } from '../loss/crossEntropy.js';

/** Differentiable operations of a transformer. Leading dimensions are free; the last is the width. */
export interface TransformerOperations {
  /** activation(x · weight + bias); `gelu` is the tanh form. */
  linear(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, activation?: 'linear' | 'relu' | 'gelu'): tf.Tensor;
  layerNorm(x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor, epsilon: number): tf.Tensor;
  /** Mask by key and place: the same on every engine. */
  dropout(x: tf.Tensor, rate: number, key: DropoutKey): tf.Tensor;
  /** `[batch, tokens, heads · {q, k, v} · width]` to `[batch, tokens, heads · width]`. */
  selfAttention(
    qkv: tf.Tensor3D,
    heads: number,
    options: { readonly causal: boolean; readonly order: 'heads' },
  ): tf.Tensor3D;
  /** Mean of −log softmax(logits)[label] over the rows whose label is not `ignoreIndex`; labels int32. */
  softmaxCrossEntropy(logits: tf.Tensor, labels: tf.Tensor, options?: { readonly ignoreIndex?: number }): tf.Tensor;
}

/** The operations for tensors of the current engine. */
export function transformerOperations(): TransformerOperations {
  const { strataFused } = tf.engine().backend as tf.KernelBackend & { strataFused?: TransformerOperations };
  return strataFused ?? composed;
}

/** From operations that every engine has; each carries its own gradient, or uses those that `initEngine` registers. */
const composed: TransformerOperations = {
  linear(x, weight, bias, activation = 'linear') {
    const y = affine(asRows(x), weight as tf.Tensor2D, bias as tf.Tensor1D);
    const active = activation === 'gelu' ? gelu(y) : activation === 'relu' ? tf.relu(y) : y;
    return tf.reshape(active, [...x.shape.slice(0, -1), weight.shape[1]!]);
  },

  layerNorm: (x, gamma, beta, epsilon) =>
    tf.reshape(layerNorm(asRows(x), gamma as tf.Tensor1D, beta as tf.Tensor1D, epsilon), x.shape),

  dropout(x, rate, key) {
    if (rate === 0) return x;
    const width = x.shape.at(-1)!;
    const rows = Int32Array.from({ length: x.size / width }, (_, row) => row);
    const masked = (from: tf.Tensor) =>
      unfilledTensor(from.shape, (out) => dropoutRowsInto(readTensor(from), width, rows, rate, key, out));
    return tf.customGrad((...[x]) => ({ value: masked(x as tf.Tensor), gradFunc: masked }))(x);
  },

  selfAttention(qkv, heads, { causal }) {
    const [batch, tokens, total] = qkv.shape;
    const width = total / (3 * heads);
    const turned = tf.transpose(tf.reshape(qkv, [batch, tokens, heads, 3, width]), [3, 0, 2, 1, 4]);
    const [q, k, v] = tf.unstack(turned) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const scores = tf.mul(tf.matMul(q, k, false, true), tf.scalar(1 / Math.sqrt(width)));
    const shares = tf.softmax(causal ? tf.add(scores, causalMask(tokens)) : scores);
    return tf.reshape(tf.transpose(tf.matMul(shares, v), [0, 2, 1, 3]), [batch, tokens, heads * width]) as tf.Tensor3D;
  },

  softmaxCrossEntropy(logits, labels, { ignoreIndex } = {}) {
    const rows = asRows(logits);
    const classes = Int32Array.from(labels.dataSync());
    const counted = Int32Array.from(classes.keys()).filter((row) => classes[row] !== ignoreIndex);
    return crossEntropySum(rows, classes, counted, Math.max(1, counted.length));
  },
};

const asRows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, x.shape.at(-1)!]);

/** 0 where a query may see a key, else a number that softmax makes 0. */
function causalMask(tokens: number): tf.Tensor {
  return unfilledTensor([tokens, tokens], (out) => {
    for (let i = 0; i < out.length; i++) out[i] = i % tokens > Math.floor(i / tokens) ? -1e30 : 0;
  });
}

function gelu(x: tf.Tensor2D): tf.Tensor2D {
  const op = tf.customGrad((...args) => {
    const [x, save] = args as unknown as [tf.Tensor2D, tf.GradSaveFunc];
    let slope: tf.Tensor | undefined;
    const value = unfilledTensor(x.shape, (out) => {
      slope = unfilledTensor(x.shape, (derivative) => geluInto(readTensor(x), 'tanh', out, derivative));
    });
    save([slope!]);
    return { value, gradFunc: (dy: tf.Tensor, [slope]: tf.Tensor[]) => tf.mul(dy, slope!) };
  });
  return op(x) as tf.Tensor2D;
}
