/** Loads tfjs-backend-wasm in Node, in any thread, and mends what keeps it from training. */
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { bridgeMissingKernels } from './bridge.js';
import { replaceClip } from './clip.js';
import { readComplex, routeComplex } from './complex.js';
import { replaceConvolutionGradients } from './convolution.js';
import { replaceDepthwiseGradients } from './depthwise.js';
import { replaceGather } from './gather.js';
import { replaceIdentity } from './identity.js';
import { replaceMatMul } from './matMul.js';
import { replacePoolingGradients } from './pooling.js';
import { replaceReductions } from './reduce.js';
import { mendRefused } from './refused.js';
import { replaceTile } from './tile.js';
import { replaceTranspose } from './transpose.js';

/** What was loaded. */
export interface LoadedWasm {
  readonly version: string;
  readonly hasSimd: boolean;
}

let loaded: Promise<LoadedWasm> | undefined;

/** Registers the `wasm` backend with its cliffs removed, for this backend only. Idempotent. */
export function loadWasm(): Promise<LoadedWasm> {
  loaded ??= load();
  return loaded;
}

async function load(): Promise<LoadedWasm> {
  const [wasm] = await Promise.all([
    import('@tensorflow/tfjs-backend-wasm'),
    // For the kernels that wasm lacks.
    import('@tensorflow/tfjs-backend-cpu'),
  ]);
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  wasm.setWasmPaths(join(dirname(main), '..', 'wasm-out') + sep);
  replaceMatMul();
  replaceTranspose();
  replaceGather();
  replaceReductions();
  replaceTile();
  replaceIdentity();
  replaceClip();
  replaceConvolutionGradients();
  replaceDepthwiseGradients();
  replacePoolingGradients();
  mendRefused();
  bridgeMissingKernels();
  readComplex(wasm.BackendWasm.prototype);
  routeComplex();
  return { version: wasm.version_wasm, hasSimd: Boolean(await tf.env().getAsync('WASM_HAS_SIMD_SUPPORT')) };
}
