// A device in a worker thread: trains on its own data and reports what it got and used.
import { parentPort, workerData } from 'node:worker_threads';
import { configureNative, nativeMemory } from '@strata-ml/tfjs-backend-native';
import * as tf from '@tensorflow/tfjs-core';

configureNative({ memoryBytes: workerData.memoryBytes });
await tf.setBackend('native');
const x = tf.fill([64, 64], workerData.value);
let sum = 0;
for (let i = 0; i < workerData.steps; i++) {
  sum = tf.tidy(() => tf.mean(tf.exp(tf.mul(tf.matMul(x, x), 1e-3))).dataSync()[0]);
}
parentPort.postMessage({ sum, budgetBytes: nativeMemory().budgetBytes, currentBytes: nativeMemory().currentBytes });
