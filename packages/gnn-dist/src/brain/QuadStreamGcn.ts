/**
 * A graph classifier for signed connectivity: each stream filters the graph's positive or negative part and keeps its
 * smooth or its contrastive end, two convolutions with a bipolar rectifier, then a gated late fusion.
 *
 * LUMINA-style: the named parts (quad-stream, bipolar ReLU, dual-spectrum filters) are from the abstract of LUMINA,
 * 2026, arXiv:2603.13329; everything else is our design.
 */
import { Rng } from '@strata-ml/core';
import { dropoutRows } from '@strata-ml/kernels';
import { dropoutKey, layerNorm, type Parameter } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { bipolarRelu } from './bipolarRelu.js';
import type { GraphBatch } from './GraphBatch.js';
import { type QuadStreamSpec, type ResolvedQuadStreamSpec, resolveQuadStreamSpec } from './quadStreamSpec.js';
import type { Stream } from './streams.js';

/** Where a forward pass stands; absent = inference, nothing is dropped. */
export interface TrainingPass {
  /** Steps taken so far: another step drops other entries. */
  readonly step: number;
}

/** The network; its parameters are tfjs variables, so any tfjs optimizer trains it. */
export class QuadStreamGcn {
  readonly spec: ResolvedQuadStreamSpec;
  /** In a stable order. */
  readonly parameters: readonly Parameter[];
  readonly #rng: Rng;
  readonly #byName = new Map<string, tf.Variable>();

  /** @throws {@link OptionError} for an option out of range. */
  constructor(spec: QuadStreamSpec) {
    this.spec = resolveQuadStreamSpec(spec);
    this.#rng = new Rng(this.spec.seed);
    const { hidden, features, classes, streams, bipolar } = this.spec;
    const widen = bipolar === 'split' ? 2 : 1;
    for (const name of new Set(streams.map((stream) => this.#weightsOf(stream)))) {
      this.#add(`${name}.conv1.weight`, [features, hidden[0]], features + hidden[0]);
      this.#norm(`${name}.norm1`, hidden[0]);
      this.#add(`${name}.conv2.weight`, [widen * hidden[0], hidden[1]], widen * hidden[0] + hidden[1]);
      this.#norm(`${name}.norm2`, hidden[1]);
    }
    const readout = 2 * widen * hidden[1];
    this.#add('gate', [streams.length]);
    this.#add('head1.weight', [streams.length * readout, 64], streams.length * readout + 64);
    this.#add('head1.bias', [64]);
    this.#add('head2.weight', [64, classes], 64 + classes);
    this.#add('head2.bias', [classes]);
    this.parameters = [...this.#byName].map(([name, variable]) => ({ name, variable }));
  }

  /** Class scores, float32 `[B, classes]`. Keeps no tensor but the result when called in `tf.tidy`. */
  forward(batch: GraphBatch, pass?: TrainingPass): tf.Tensor2D {
    const { streams } = this.spec;
    const gates = tf.softmax(this.#use<tf.Tensor1D>('gate'));
    const fused = streams.map((stream, s) => tf.mul(this.embed(batch, stream, pass), tf.slice(gates, s, 1)));
    const h = tf.relu(
      tf.add(tf.matMul(tf.concat(fused, 1) as tf.Tensor2D, this.#use('head1.weight')), this.#use('head1.bias')),
    );
    const dropped = this.#drop(h as tf.Tensor2D, 'head', 0, pass);
    return tf.add(tf.matMul(dropped, this.#use('head2.weight')), this.#use('head2.bias')) as tf.Tensor2D;
  }

  /** A stream's readout: mean and maximum over regions, float32 `[B, 2 · width]`. */
  embed(batch: GraphBatch, stream: Stream, pass?: TrainingPass): tf.Tensor2D {
    const { regions } = this.spec;
    const name = this.#weightsOf(stream);
    const size = batch.size;
    const flat = (x: tf.Tensor, width: number) => tf.reshape(x, [size * regions, width]) as tf.Tensor2D;
    const convolve = (x: tf.Tensor2D, layer: 1 | 2): tf.Tensor2D => {
      const normed = layerNorm(x, this.#use(`${name}.norm${layer}.weight`), this.#use(`${name}.norm${layer}.bias`));
      return bipolarRelu(normed, this.spec.bipolar);
    };
    const [, narrow] = this.spec.hidden;
    // The first filter meets no parameter: the batch brings F·X along.
    const first = convolve(
      tf.matMul(flat(batch.filtered(stream), this.spec.features), this.#use(`${name}.conv1.weight`)),
      1,
    );
    const kept = this.#drop(first, stream, 1, pass);
    const projected = tf.matMul(kept, this.#use<tf.Tensor2D>(`${name}.conv2.weight`));
    const mixed = tf.matMul(batch.filter(stream), tf.reshape(projected, [size, regions, narrow]) as tf.Tensor3D);
    const second = convolve(flat(mixed, narrow), 2);
    const perRegion = tf.reshape(second, [size, regions, second.shape[1]]);
    return tf.concat([tf.mean(perRegion, 1), tf.max(perRegion, 1)], 1) as tf.Tensor2D;
  }

  /** The softmax of the gates, one weight per stream of the spec. */
  gates(): number[] {
    return tf.tidy(() => [...tf.softmax(this.#use<tf.Tensor1D>('gate')).dataSync()]);
  }

  /** Frees the parameters. */
  dispose(): void {
    for (const { variable } of this.parameters) variable.dispose();
  }

  #weightsOf(stream: Stream): string {
    return this.spec.shareAcrossSign ? stream.replace(/^(positive|negative)/, 'signed') : stream;
  }

  #use<T extends tf.Tensor>(name: string): T {
    return this.#byName.get(name) as unknown as T;
  }

  #drop(x: tf.Tensor2D, purpose: string, layer: number, pass: TrainingPass | undefined): tf.Tensor2D {
    const { dropout } = this.spec;
    if (!pass || dropout === 0) return x;
    const rows = Int32Array.from({ length: x.shape[0] }, (_, i) => i);
    return dropoutRows(x, rows, dropout, dropoutKey(this.#rng, purpose, pass.step, layer));
  }

  #norm(name: string, width: number): void {
    this.#add(`${name}.weight`, [width], undefined, 1);
    this.#add(`${name}.bias`, [width]);
  }

  /** A weight by Glorot's rule if `fan` is given, else constant. */
  #add(name: string, shape: number[], fan?: number, value = 0): void {
    const rng = this.#rng.split('init', name);
    const bound = fan === undefined ? 0 : Math.sqrt(6 / fan);
    const size = shape.reduce((a, b) => a * b, 1);
    const values = Float32Array.from({ length: size }, (_, i) => value + (2 * rng.uniformAt(i) - 1) * bound);
    this.#byName.set(
      name,
      tf.tidy(() => tf.variable(tf.tensor(values, shape))),
    );
  }
}
