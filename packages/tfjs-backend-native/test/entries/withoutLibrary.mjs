// A program where npm has dropped onnxruntime-node: imports the built package and asks for the backend all the same.
import Module from 'node:module';

const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) => {
  if (request.startsWith('onnxruntime-node')) throw new Error(`Cannot find module '${request}'`);
  return resolve.call(Module, request, ...rest);
};
const { nativeAvailability, nativeMemory } = await import('@strata-ml/tfjs-backend-native');
const tf = await import('@tensorflow/tfjs-core');
const isSet = await tf.setBackend('native');
await tf.setBackend('cpu');
const sum = tf.add(1, 2).dataSync()[0];
process.stdout.write(JSON.stringify({ ...nativeAvailability(), isSet, sum, ...nativeMemory() }));
