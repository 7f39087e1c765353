// Runs an inherited kernel for three seconds and writes the warnings of the process to stdout.
import '@strata-ml/tfjs-backend-native';
import * as tf from '@tensorflow/tfjs-core';

process.on('warning', ({ name, code, message }) => process.stdout.write(`${name} ${code} ${message}\n`));
tf.env().set('PROD', true);
await tf.setBackend('native');
const x = tf.ones([300, 300]);
for (const start = performance.now(); performance.now() - start < 3000; ) tf.cumprod(x).dispose();
