/** The networks of suite `dense`; `native/dense_step.py` has the same ones, with the same weights and inputs. */
import {
  batchNorm,
  type FusedOptimizer,
  fusedAdam,
  fusedAdamW,
  fusedSgd,
  layerNorm,
  linear,
  selfAttention,
  softmaxCrossEntropy,
} from '@strata-ml/tfjs-backend-native';
import * as tf from '@tensorflow/tfjs-core';
import { fill } from './inputs.js';

/** What a training step needs. */
export interface DenseModel {
  readonly variables: tf.Variable[];
  readonly optimizer: FusedOptimizer;
  loss(): tf.Scalar;
}

/** Makes variables in order; the seed of each is its place, from 1. */
class Weights {
  readonly variables: tf.Variable[] = [];

  /** Numbers in ± half the scale. */
  tensor(shape: number[], scale: number): tf.Variable {
    const size = tf.util.sizeFromShape(shape);
    return this.#add(() => tf.tensor(fill(size, this.variables.length + 1, scale), shape));
  }

  constant(shape: number[], value: number): tf.Variable {
    return this.#add(() => tf.fill(shape, value));
  }

  #add(make: () => tf.Tensor): tf.Variable {
    const variable = tf.tidy(() => tf.variable(make())) as tf.Variable;
    this.variables.push(variable);
    return variable;
  }
}

const classes = (n: number, count: number): tf.Tensor1D =>
  tf.tensor1d(
    Int32Array.from({ length: n }, (_, i) => i % count),
    'int32',
  );

/** 784-512-512-10, batch 256, Adam. */
function mlp(): DenseModel {
  const weights = new Weights();
  const widths = [784, 512, 512, 10];
  const layers = widths
    .slice(1)
    .map(
      (out, i) => [weights.tensor([widths[i]!, out], 2 / Math.sqrt(widths[i]!)), weights.constant([out], 0)] as const,
    );
  const x = tf.tensor2d(fill(256 * 784, 9), [256, 784]);
  const labels = classes(256, 10);
  const loss = (): tf.Scalar => {
    let h: tf.Tensor = x;
    for (const [i, [weight, bias]] of layers.entries()) h = linear(h, weight, bias, i < 2 ? 'relu' : 'linear');
    return softmaxCrossEntropy(h, labels) as tf.Scalar;
  };
  return { variables: weights.variables, optimizer: fusedAdam(1e-3), loss };
}

/** Stem of 16 channels, a residual block each of 16, 32 and 64, on 32×32×3, batch 64, SGD with momentum. */
function resnet(): DenseModel {
  const weights = new Weights();
  const unit = (into: number, out: number, size: number, stride: number) => {
    const filter = weights.tensor([size, size, into, out], 5 / Math.sqrt(size * size * into));
    const [gamma, beta] = [weights.constant([out], 1), weights.constant([out], 0)];
    const running = tf.tidy(() => ({
      mean: tf.variable(tf.zeros([out]), false) as tf.Variable,
      variance: tf.variable(tf.ones([out]), false) as tf.Variable,
    }));
    return (x: tf.Tensor, activation: 'linear' | 'relu', residual?: tf.Tensor): tf.Tensor => {
      const z = tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor as tf.Tensor4D, stride, size >> 1);
      return batchNorm(z, gamma, beta, { activation, running, ...(residual ? { residual } : {}) });
    };
  };
  const block = (into: number, out: number, stride: number) => {
    const first = unit(into, out, 3, stride);
    const second = unit(out, out, 3, 1);
    const shortcut = stride === 1 ? (x: tf.Tensor) => x : unit(into, out, 1, stride);
    return (x: tf.Tensor) => second(first(x, 'relu'), 'relu', shortcut(x, 'linear'));
  };
  const stem = unit(3, 16, 3, 1);
  const blocks = [block(16, 16, 1), block(16, 32, 2), block(32, 64, 2)];
  const head = [weights.tensor([64, 10], 2 / 8), weights.constant([10], 0)] as const;
  const x = tf.tensor4d(fill(64 * 32 * 32 * 3, 9), [64, 32, 32, 3]);
  const labels = classes(64, 10);
  const loss = (): tf.Scalar => {
    let h = stem(x, 'relu');
    for (const apply of blocks) h = apply(h);
    return softmaxCrossEntropy(linear(tf.mean(h, [1, 2]), ...head), labels) as tf.Scalar;
  };
  return { variables: weights.variables, optimizer: fusedSgd(0.05, { momentum: 0.9 }), loss };
}

const TRANSFORMER = { layers: 4, width: 256, heads: 8, tokens: 128, batch: 8, vocabulary: 96 };

/** A causal pre-LN transformer over characters: 4 layers, width 256, 8 heads, 128 tokens, batch 8, AdamW. */
function transformer(): DenseModel {
  const { layers, width, heads, tokens, batch, vocabulary } = TRANSFORMER;
  const weights = new Weights();
  const dense = (into: number, out: number) =>
    [weights.tensor([into, out], 2 / Math.sqrt(into)), weights.constant([out], 0)] as const;
  const norm = () => [weights.constant([width], 1), weights.constant([width], 0)] as const;
  const embedding = weights.tensor([vocabulary, width], 1);
  const places = weights.tensor([tokens, width], 1);
  const blocks = Array.from({ length: layers }, () => ({
    norm1: norm(),
    qkv: dense(width, 3 * width),
    project: dense(width, width),
    norm2: norm(),
    up: dense(width, 4 * width),
    down: dense(4 * width, width),
  }));
  const last = norm();
  const head = dense(width, vocabulary);
  const text = Int32Array.from(
    { length: batch * tokens },
    (_, i) => (i * 7 + Math.floor(i / tokens) * 13) % vocabulary,
  );
  const ids = tf.tensor2d(text, [batch, tokens], 'int32');
  const labels = tf.tensor2d(
    text.map((token) => (token * 5 + 1) % vocabulary),
    [batch, tokens],
    'int32',
  );
  const loss = (): tf.Scalar => {
    let h: tf.Tensor = tf.add(tf.gather(embedding, ids), places);
    for (const { norm1, qkv, project, norm2, up, down } of blocks) {
      const seen = selfAttention(linear(layerNorm(h, ...norm1), ...qkv) as tf.Tensor3D, heads, { causal: true });
      h = tf.add(h, linear(seen, ...project));
      h = tf.add(h, linear(linear(layerNorm(h, ...norm2), ...up, 'gelu'), ...down));
    }
    return softmaxCrossEntropy(linear(layerNorm(h, ...last), ...head), labels) as tf.Scalar;
  };
  return { variables: weights.variables, optimizer: fusedAdamW(1e-3), loss };
}

/** The networks, by name. */
export const denseModels = { mlp, resnet, transformer };
/** One of {@link denseModels}. */
export type DenseModelName = keyof typeof denseModels;
