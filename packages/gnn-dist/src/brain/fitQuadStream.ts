/** Training and prediction of a {@link QuadStreamGcn}. */
import { AbortedError, DataError, NonFiniteError, OptionError, Rng } from '@strata-ml/core';
import { createOptimizer, flattenParameters, lossAndGradients, unflattenParameters } from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { GraphStore } from './GraphBatch.js';
import type { QuadStreamGcn } from './QuadStreamGcn.js';
import type { SignedGraph } from './SignedGraph.js';

/** Graphs with a class each. */
export interface LabelledGraphs {
  readonly graphs: readonly SignedGraph[];
  /** Class of each graph from 0, int32 `[n]`. */
  readonly labels: Int32Array;
}

/** Options of {@link fitQuadStream}. */
export interface FitOptions {
  /** Watched for early stopping, never trained on; absent = train for all epochs. */
  readonly validation?: LabelledGraphs;
  /** @defaultValue `200` */
  readonly epochs?: number;
  /** Graphs per step. @defaultValue `32` */
  readonly batchSize?: number;
  /** Adam's learning rate. @defaultValue `1e-3` */
  readonly lr?: number;
  /** L2, all parameters. @defaultValue `5e-4` */
  readonly weightDecay?: number;
  /** Epochs without a better validation loss before stopping. @defaultValue `20` */
  readonly patience?: number;
  /** Called after each epoch. */
  readonly onEpoch?: (row: FitEpoch) => void;
  /** Stops between steps. */
  readonly signal?: AbortSignal;
}

/** One epoch of {@link fitQuadStream}. */
export interface FitEpoch {
  readonly epoch: number;
  /** Mean class-weighted cross-entropy over the epoch's steps, with dropout. */
  readonly loss: number;
  readonly validationLoss?: number;
}

/** Result of {@link fitQuadStream}. */
export interface FitReport {
  readonly epochs: readonly FitEpoch[];
  /** Epoch whose parameters the model now holds. */
  readonly bestEpoch: number;
}

/**
 * Trains with class-weighted cross-entropy and Adam; with validation graphs it keeps the parameters of the best
 * validation loss. Deterministic for a seed and an engine.
 *
 * @throws {@link DataError} for graphs that do not fit; {@link OptionError}; {@link AbortedError};
 * {@link NonFiniteError} if the loss diverges.
 */
export function fitQuadStream(model: QuadStreamGcn, data: LabelledGraphs, options: FitOptions = {}): FitReport {
  const { validation, epochs = 200, batchSize = 32, lr = 1e-3, weightDecay = 5e-4, patience = 20, signal } = options;
  for (const [name, value] of Object.entries({ epochs, batchSize, patience })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new OptionError('fitQuadStream', name, value, 'an integer of at least 1');
    }
  }
  checkLabels(data, model.spec.classes);
  if (validation) checkLabels(validation, model.spec.classes);
  const store = new GraphStore(data.graphs, model.spec);
  const held = validation && new GraphStore(validation.graphs, model.spec);
  const weights = classWeights(data.labels, model.spec.classes);
  const optimizer = createOptimizer({ optimizer: 'adam', lr, weightDecay });
  const values = flattenParameters(model.parameters);
  const gradients = new Float32Array(values.length);
  const order = new Rng(model.spec.seed);
  const rows: FitEpoch[] = [];
  let step = 0;
  let best = { loss: Number.POSITIVE_INFINITY, epoch: 0, values: values.slice() };
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const shuffled = order.split('order', epoch).permutation(store.size);
    let sum = 0;
    for (let at = 0; at < shuffled.length; at += batchSize) {
      if (signal?.aborted) throw new AbortedError('fitQuadStream: stopped before it was done');
      const picked = shuffled.subarray(at, at + batchSize);
      const pass = { step: step++ };
      const { loss } = lossAndGradients(
        model.parameters,
        () =>
          tf.tidy(() =>
            crossEntropy(model.forward(store.batch(picked), pass), pickLabels(data.labels, picked), weights),
          ),
        gradients,
      );
      if (!Number.isFinite(loss)) throw new NonFiniteError('fitQuadStream: loss', 0, loss, 'try a smaller lr');
      sum += loss * picked.length;
      optimizer.step(values, gradients);
      unflattenParameters(values, model.parameters);
    }
    const row: FitEpoch = { epoch, loss: sum / store.size };
    if (!held || !validation) {
      rows.push(row);
      options.onEpoch?.(row);
      best.epoch = epoch;
      continue;
    }
    const validationLoss = meanLoss(model, held, validation.labels, weights, batchSize);
    rows.push({ ...row, validationLoss });
    options.onEpoch?.({ ...row, validationLoss });
    if (validationLoss < best.loss) best = { loss: validationLoss, epoch, values: values.slice() };
    else if (epoch - best.epoch >= patience) break;
  }
  if (held) unflattenParameters(best.values, model.parameters);
  return { epochs: rows, bestEpoch: best.epoch };
}

/**
 * Probability of each class, float32 `[n, classes]`.
 *
 * @throws {@link DataError} or {@link ShapeError} for graphs that do not fit the model.
 */
export function predictQuadStream(model: QuadStreamGcn, graphs: readonly SignedGraph[], batchSize = 32): Float32Array {
  const store = new GraphStore(graphs, model.spec);
  const { classes } = model.spec;
  const out = new Float32Array(graphs.length * classes);
  for (let at = 0; at < graphs.length; at += batchSize) {
    const picked = range(at, Math.min(at + batchSize, graphs.length));
    tf.tidy(() => out.set(tf.softmax(model.forward(store.batch(picked))).dataSync() as Float32Array, at * classes));
  }
  return out;
}

function checkLabels({ graphs, labels }: LabelledGraphs, classes: number): void {
  if (graphs.length === 0) throw new DataError('fitQuadStream: graphs must not be empty');
  if (labels.length !== graphs.length) {
    throw new DataError(`fitQuadStream: labels must be one per graph, got ${labels.length} for ${graphs.length}`);
  }
  const bad = labels.findIndex((label) => label < 0 || label >= classes);
  if (bad >= 0) throw new DataError(`fitQuadStream: label ${bad} must be in 0..${classes - 1}, got ${labels[bad]}`);
}

/** n / (classes · count): every class weighs the same in sum. A class that does not occur weighs nothing. */
function classWeights(labels: Int32Array, classes: number): Float32Array {
  const counts = new Float32Array(classes);
  for (const label of labels) counts[label]!++;
  return counts.map((count) => (count > 0 ? labels.length / (classes * count) : 0));
}

/** Weighted mean cross-entropy. */
function crossEntropy(logits: tf.Tensor2D, labels: Int32Array, weights: Float32Array): tf.Scalar {
  const classes = logits.shape[1];
  const target = new Float32Array(labels.length * classes);
  let total = 0;
  labels.forEach((label, i) => {
    target[i * classes + label] = weights[label]!;
    total += weights[label]!;
  });
  const picked = tf.mul(tf.logSoftmax(logits), tf.tensor2d(target, [labels.length, classes]));
  return tf.div(tf.neg(tf.sum(picked)), Math.max(total, 1e-12)) as tf.Scalar;
}

function meanLoss(model: QuadStreamGcn, store: GraphStore, labels: Int32Array, weights: Float32Array, size: number) {
  let sum = 0;
  for (let at = 0; at < store.size; at += size) {
    const picked = range(at, Math.min(at + size, store.size));
    const loss = tf.tidy(
      () => crossEntropy(model.forward(store.batch(picked)), pickLabels(labels, picked), weights).dataSync()[0]!,
    );
    sum += loss * picked.length;
  }
  return sum / store.size;
}

const pickLabels = (labels: Int32Array, picked: Int32Array) => picked.map((i) => labels[i]!);
const range = (begin: number, end: number) => Int32Array.from({ length: end - begin }, (_, i) => begin + i);
