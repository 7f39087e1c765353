/** Baselines that see no graph: logistic regression, or a perceptron with one hidden layer, on the upper triangle. */
import { Rng, ShapeError } from '@strata-ml/core';
import {
  createOptimizer,
  flattenParameters,
  lossAndGradients,
  type Parameter,
  unflattenParameters,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import type { FitOptions, LabelledGraphs } from './fitQuadStream.js';
import type { SignedGraph } from './SignedGraph.js';

/** Two classes from the R·(R−1)/2 weights of a graph, standardised by the training graphs alone. */
export class TriangleClassifier {
  readonly #regions: number;
  readonly #parameters: Parameter[] = [];
  #mean: Float32Array | undefined;
  #scale: Float32Array | undefined;

  /** @param hidden - width of the hidden layer; 0 = logistic regression */
  constructor(regions: number, hidden: number, seed: number) {
    this.#regions = regions;
    const inputs = (regions * (regions - 1)) / 2;
    const rng = new Rng(seed).split('triangle');
    const add = (name: string, shape: number[], bound: number) => {
      const size = shape.reduce((a, b) => a * b, 1);
      const draw = rng.split(name);
      const values = Float32Array.from({ length: size }, (_, i) => (2 * draw.uniformAt(i) - 1) * bound);
      this.#parameters.push({ name, variable: tf.tidy(() => tf.variable(tf.tensor(values, shape))) });
    };
    if (hidden > 0) {
      add('hidden.weight', [inputs, hidden], Math.sqrt(6 / (inputs + hidden)));
      add('hidden.bias', [hidden], 0);
    }
    const last = hidden > 0 ? hidden : inputs;
    // Logistic regression is convex: it starts at zero, as usual.
    add('weight', [last, 2], hidden > 0 ? Math.sqrt(6 / (last + 2)) : 0);
    add('bias', [2], 0);
  }

  /** Full-batch Adam on cross-entropy with L2; with validation graphs it keeps the best epoch. */
  fit(
    { graphs, labels }: LabelledGraphs,
    { validation, epochs = 200, lr = 1e-2, weightDecay = 1e-2 }: FitOptions,
  ): void {
    this.#standardise(graphs);
    const optimizer = createOptimizer({ optimizer: 'adam', lr, weightDecay });
    const values = flattenParameters(this.#parameters);
    const inputs = this.#inputs(graphs);
    const held = validation && this.#inputs(validation.graphs);
    let best = { loss: Number.POSITIVE_INFINITY, values: values.slice() };
    for (let epoch = 0; epoch < epochs; epoch++) {
      const { gradients } = lossAndGradients(this.#parameters, () => this.#loss(inputs, labels));
      optimizer.step(values, gradients);
      unflattenParameters(values, this.#parameters);
      if (!held || !validation) continue;
      const loss = tf.tidy(() => this.#loss(held, validation.labels).dataSync()[0]!);
      if (loss < best.loss) best = { loss, values: values.slice() };
    }
    if (held) unflattenParameters(best.values, this.#parameters);
    inputs.dispose();
    held?.dispose();
  }

  /** Probability of each class, float32 `[n, 2]`. */
  predict(graphs: readonly SignedGraph[]): Float32Array {
    return tf.tidy(
      () =>
        tf
          .softmax(this.#logits(this.#inputs(graphs)))
          .dataSync()
          .slice() as Float32Array,
    );
  }

  /** Frees the parameters. */
  dispose(): void {
    for (const { variable } of this.#parameters) variable.dispose();
  }

  #logits(x: tf.Tensor2D): tf.Tensor2D {
    const [first, firstBias, second, secondBias] = this.#parameters.map(({ variable }) => variable as tf.Tensor);
    const dense = (h: tf.Tensor, w: tf.Tensor, b: tf.Tensor) =>
      tf.add(tf.matMul(h as tf.Tensor2D, w as tf.Tensor2D), b);
    const h = dense(x, first!, firstBias!);
    return (second && secondBias ? dense(tf.relu(h), second, secondBias) : h) as tf.Tensor2D;
  }

  #loss(x: tf.Tensor2D, labels: Int32Array): tf.Scalar {
    return tf.tidy(() => {
      const target = tf.oneHot(tf.tensor1d(labels, 'int32'), 2);
      return tf.neg(
        tf.mean(tf.sum(tf.mul(tf.logSoftmax(this.#logits(x)), tf.cast(target, 'float32')), 1)),
      ) as tf.Scalar;
    });
  }

  #standardise(graphs: readonly SignedGraph[]): void {
    const rows = graphs.map((graph) => this.#triangle(graph));
    const inputs = rows[0]!.length;
    const mean = new Float32Array(inputs);
    const scale = new Float32Array(inputs);
    for (let i = 0; i < inputs; i++) {
      let sum = 0;
      let squares = 0;
      for (const row of rows) sum += row[i]!;
      for (const row of rows) squares += (row[i]! - sum / rows.length) ** 2;
      mean[i] = sum / rows.length;
      scale[i] = squares > 0 ? 1 / Math.sqrt(squares / rows.length) : 0;
    }
    this.#mean = mean;
    this.#scale = scale;
  }

  #inputs(graphs: readonly SignedGraph[]): tf.Tensor2D {
    const rows = graphs.map((graph) => this.#triangle(graph));
    const width = (this.#regions * (this.#regions - 1)) / 2;
    const all = new Float32Array(rows.length * width);
    rows.forEach((row, r) => {
      for (let i = 0; i < width; i++) all[r * width + i] = (row[i]! - this.#mean![i]!) * this.#scale![i]!;
    });
    return tf.tensor2d(all, [rows.length, width]);
  }

  #triangle({ adjacency, regions }: SignedGraph): Float32Array {
    if (regions !== this.#regions) {
      throw new ShapeError(
        'TriangleClassifier',
        'adjacency',
        [regions, regions],
        `[${this.#regions}, ${this.#regions}]`,
      );
    }
    const row = new Float32Array((regions * (regions - 1)) / 2);
    let at = 0;
    for (let i = 0; i < regions; i++) for (let j = i + 1; j < regions; j++) row[at++] = adjacency[i * regions + j]!;
    return row;
  }
}
