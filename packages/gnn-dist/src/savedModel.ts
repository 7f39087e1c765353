/** Trained models on disk, and what they predict: full neighbourhoods, no dropout, on one device. */
import { DataError, initEngine, Rng } from '@strata-ml/core';
import { messageGraph } from '@strata-ml/graph';
import { readTensor } from '@strata-ml/kernels';
import {
  createGnn,
  type GnnModel,
  importLayer,
  type LayerFactory,
  loadSafetensors,
  localGraphContext,
  normaliseFeatures,
  saveSafetensors,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { checkFeatures, checkGraphData, type GraphData } from './data.js';
import type { NamedArray, TrainReport } from './report.js';
import { localData } from './train/localData.js';
import { countHits } from './train/scores.js';

/** A trained network: its specification and its arrays. A {@link TrainReport} is one. */
export type TrainedModel = Pick<TrainReport, 'spec' | 'featureNorm' | 'weights' | 'buffers'>;

/** Writes a trained model as safetensors, atomically. */
export function saveModel(path: string, model: TrainedModel): void {
  saveSafetensors(
    path,
    { ...model.weights, ...model.buffers },
    {
      format: 'strata-gnn-1',
      spec: JSON.stringify(model.spec),
      featureNorm: model.featureNorm,
    },
  );
}

/**
 * Reads a model written by {@link saveModel} or by a training run.
 *
 * @throws {@link DataError} if the file is damaged or holds no Strata model.
 */
export function loadModel(path: string): TrainedModel {
  const { tensors, metadata } = loadSafetensors(path);
  if (!metadata.spec) {
    throw new DataError(`model ${path}: metadata must hold a Strata model specification, got none; train one first`);
  }
  const spec = JSON.parse(metadata.spec) as TrainedModel['spec'];
  const weights: Record<string, NamedArray> = {};
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    if (name.startsWith('optimizer.')) continue;
    if (!(data instanceof Float32Array)) throw new DataError(`model ${path}: array ${name} must be float32`);
    weights[name] = { shape: [...shape], data };
  }
  return { spec, featureNorm: metadata.featureNorm === 'row' ? 'row' : 'none', weights, buffers: {} };
}

/** What {@link predict} reads: a graph with features; labels and splits are not asked for. */
export type PredictionData = Pick<GraphData, 'graph' | 'features' | 'numFeatures'> & Partial<GraphData>;

/** Options of {@link predict}. */
export interface PredictOptions {
  /** Only these vertices, in this order. @defaultValue all */
  readonly vertices?: Int32Array;
}

/**
 * Class scores, float32 `[n, C]` row by row, or one row per listed vertex; softmax (or sigmoid) makes them probabilities.
 *
 * The graph may be another one than that of training: for new vertices pass the graph with them and their edges in it.
 *
 * @throws {@link DataError}, {@link ShapeError} if the data do not fit the model, or a listed vertex does not exist.
 */
export async function predict(
  model: TrainedModel,
  data: PredictionData,
  { vertices }: PredictOptions = {},
): Promise<Float32Array> {
  const n = data.graph.numVertices;
  const missing = vertices?.find((v) => !(v >= 0 && v < n));
  if (missing !== undefined) throw new DataError(`predict: vertices must be in 0 … ${n - 1}, got ${missing}`);
  return withLogits(model, data, (logits) => {
    const scores = readTensor(logits);
    if (!vertices) return scores.slice();
    const width = logits.shape[1];
    const chosen = new Float32Array(vertices.length * width);
    vertices.forEach((v, i) => {
      chosen.set(scores.subarray(v * width, (v + 1) * width), i * width);
    });
    return chosen;
  });
}

/** Accuracy (micro-F1 for multi-label tasks) of each part of the split. */
export interface Evaluation {
  readonly trainAccuracy: number;
  readonly valAccuracy: number;
  readonly testAccuracy: number;
}

/** Scores a trained model on a data set. */
export async function evaluateGnn(model: TrainedModel, data: GraphData): Promise<Evaluation> {
  checkGraphData(data);
  const n = data.graph.numVertices;
  const globalIds = Int32Array.from({ length: n }, (_, v) => v);
  const local = localData(data, { globalIds, numOwned: n });
  return withLogits(model, data, (logits) => {
    const score = (rows: Int32Array) => {
      const [hits, total] = countHits(logits, rows, local);
      return hits / total;
    };
    return { trainAccuracy: score(local.train), valAccuracy: score(local.val), testAccuracy: score(local.test) };
  });
}

async function withLogits<T>(model: TrainedModel, data: PredictionData, use: (logits: tf.Tensor2D) => T): Promise<T> {
  checkFeatures(data);
  const { spec } = model;
  const { name = 'the data', numClasses = spec.numClasses } = data;
  if (spec.inputWidth !== data.numFeatures || spec.numClasses !== numClasses) {
    throw new DataError(
      `model: it must fit ${name} (${data.numFeatures} features, ${numClasses} classes), ` +
        `got one for ${spec.inputWidth} features and ${spec.numClasses} classes; use the data set it was trained on`,
    );
  }
  await initEngine({});
  const network = restoreNetwork(model, await importLayer(spec));
  const features = normaliseFeatures(data.features, data.numFeatures, model.featureNorm);
  const context = localGraphContext({ graph: messageGraph(data.graph), features, rng: new Rng(1) });
  try {
    const logits = network.forward(context);
    try {
      return use(logits);
    } finally {
      logits.dispose();
    }
  } finally {
    context.dispose();
    network.dispose();
  }
}

/** A network with the arrays of a trained one. */
export function restoreNetwork({ spec, weights, buffers }: TrainedModel, layer: LayerFactory | undefined): GnnModel {
  const arrays: Readonly<Record<string, NamedArray>> = { ...weights, ...buffers };
  const network = createGnn(spec, layer);
  const find = (name: string, size: number): Float32Array => {
    const data = arrays[name]?.data;
    if (data?.length !== size) {
      throw new DataError(`model: array ${name} must have ${size} elements, got ${data?.length ?? 'none'}`);
    }
    return data;
  };
  for (const { name, variable } of network.parameters) {
    const value = tf.tensor(find(name, variable.size).slice(), variable.shape);
    variable.assign(value);
    value.dispose();
  }
  for (const { name, data } of network.state()) data.set(find(name, data.length));
  return network;
}
