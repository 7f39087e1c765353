/** Program: `lmStep.js WIDTH BATCH ENGINE` trains a GPT of 4 layers on 128 tokens; the median seconds of a step. */
import { type EngineName, initEngine } from '@strata-ml/core';
import { gptConfig, gptLogits, gptParameters, languageModelLoss } from '@strata-ml/models';
import { fusedAdamW } from '@strata-ml/tfjs-backend-native';
import * as tf from '@tensorflow/tfjs-core';
import { fill } from './inputs.js';
import { timeCall } from './timing.js';

/** After so many steps the loss is compared between contenders. */
const COMPARED_STEPS = 5;
/** Seconds of measurement. */
const BUDGET = 2;
const CONTEXT = 128;
const VOCABULARY = 65;

const [width = 128, batch = 8] = process.argv.slice(2, 4).map(Number);
await initEngine({ prefer: (process.argv[4] ?? 'native') as EngineName, threads: 1 });
const config = gptConfig({ layers: 4, width, heads: width / 32, context: CONTEXT, vocabulary: VOCABULARY });

/** `native/lm_step.py` makes the same weights: the seed of each is its place, from 1. */
const variables = gptParameters(config).map(({ name, shape, init }, place) => {
  const size = tf.util.sizeFromShape([...shape]);
  const values = 'constant' in init ? new Float32Array(size).fill(init.constant) : fill(size, place + 1, 0.1);
  return { name, variable: tf.tidy(() => tf.variable(tf.tensor(values, [...shape]))) as tf.Variable };
});
const weights = Object.fromEntries(variables.map(({ name, variable }) => [name, variable]));
const text = Int32Array.from(
  { length: batch * CONTEXT },
  (_, i) => (i * 7 + Math.floor(i / CONTEXT) * 13) % VOCABULARY,
);
const tokens = tf.tensor2d(text, [batch, CONTEXT], 'int32');
const targets = tf.tensor2d(
  text.map((token) => (token * 5 + 1) % VOCABULARY),
  [batch, CONTEXT],
  'int32',
);
const optimizer = fusedAdamW(1e-3);
const trained = variables.map(({ variable }) => variable);

const step = (): number => {
  const loss = optimizer.minimize(() => languageModelLoss(gptLogits(tokens, weights, config), targets), true, trained)!;
  const [value] = loss.dataSync();
  loss.dispose();
  return value!;
};
let compared = 0;
for (let i = 0; i < COMPARED_STEPS; i++) compared = step();
console.log(
  JSON.stringify({
    value: timeCall(step, BUDGET),
    extra: { [`loss at step ${COMPARED_STEPS}`]: Number(compared.toPrecision(5)) },
  }),
);
