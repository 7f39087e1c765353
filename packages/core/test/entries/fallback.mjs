// `fallback.mjs [FOLDER]`: a program whose onnxruntime-node is in FOLDER, or nowhere; starts the fastest engine.
import Module from 'node:module';
import { join } from 'node:path';

const [folder] = process.argv.slice(2);
const resolve = Module._resolveFilename;
Module._resolveFilename = (request, ...rest) => {
  if (!request.startsWith('onnxruntime-node')) return resolve.call(Module, request, ...rest);
  if (!folder) throw new Error(`Cannot find module '${request}'`);
  return join(folder, request.slice('onnxruntime-node/'.length));
};
const { initEngine } = await import('@strata-ml/core');
const tf = await import('@tensorflow/tfjs-core');
const { name, reason } = await initEngine();
const refused = await initEngine({ prefer: 'native' }).catch(({ code, message }) => ({ code, message }));
await initEngine({ prefer: name });
const product = tf.matMul([[1, 2]], [[3], [4]]).dataSync()[0];
process.stdout.write(JSON.stringify({ name, reason, refused, product }));
