/** Program: `denseStep.js ENGINE` trains an MLP 784-512-512-10 at batch 256 with Adam; the median seconds of a step. */
import { type EngineName, initEngine } from '@strata-ml/core';
import {
  affine,
  createOptimizer,
  crossEntropySum,
  flattenParameters,
  lossAndGradients,
  relu,
  unflattenParameters,
} from '@strata-ml/models';
import * as tf from '@tensorflow/tfjs-core';
import { median } from '../harness/runSuite.js';
import { fill } from './inputs.js';
import { secondsOf, timeCall } from './timing.js';

const WIDTHS = [784, 512, 512, 10];
const BATCH = 256;
/** After so many steps the loss is compared between contenders. */
const COMPARED_STEPS = 5;
/** Seconds of a step above which those steps, less the first two, are the measurement. */
const LONG = 0.5;

async function main([engine = 'native']: string[]): Promise<void> {
  await initEngine({ prefer: engine as EngineName, threads: 1 });
  const parameters = WIDTHS.slice(1).flatMap((out, i) => {
    const into = WIDTHS[i]!;
    const weight = tf.variable(tf.tensor2d(fill(into * out, i + 1, 2 / Math.sqrt(into)), [into, out]));
    return [
      { name: `weight${i + 1}`, variable: weight as tf.Variable },
      { name: `bias${i + 1}`, variable: tf.variable(tf.zeros([out])) as tf.Variable },
    ];
  });
  const x = tf.tensor2d(fill(BATCH * WIDTHS[0]!, 9), [BATCH, WIDTHS[0]!]);
  const labels = Int32Array.from({ length: BATCH }, (_, i) => i % 10);
  const rows = Int32Array.from({ length: BATCH }, (_, i) => i);
  const loss = (): tf.Scalar => {
    let h: tf.Tensor2D = x;
    for (let i = 0; i < parameters.length; i += 2) {
      const z = affine(h, parameters[i]!.variable as tf.Tensor2D, parameters[i + 1]!.variable as tf.Tensor1D);
      h = i + 2 < parameters.length ? relu(z) : z;
    }
    return crossEntropySum(h, labels, rows, BATCH);
  };
  const flat = flattenParameters(parameters);
  const gradients = new Float32Array(flat.length);
  const optimizer = createOptimizer({ optimizer: 'adam', lr: 1e-3 });
  const step = (): number => {
    const result = lossAndGradients(parameters, loss, gradients);
    optimizer.step(flat, gradients);
    unflattenParameters(flat, parameters);
    return result.loss;
  };
  let compared = 0;
  const seconds = Array.from({ length: COMPARED_STEPS }, () =>
    secondsOf(() => {
      compared = step();
    }),
  );
  const warm = median(seconds.slice(2));
  const value = warm > LONG ? warm : timeCall(step);
  console.log(JSON.stringify({ value, extra: { [`loss at step ${COMPARED_STEPS}`]: compared } }));
}

await main(process.argv.slice(2));
