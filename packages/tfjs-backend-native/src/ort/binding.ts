/**
 * Loads ONNX Runtime's native class, whose `run` is synchronous.
 *
 * `onnxruntime-node` wraps it in `setImmediate`; tfjs kernels must answer at once, so we take the class underneath
 * (`dist/binding.js`) and make sure by a small known product that it still is what we think. Why not the C API:
 * `docs/decisions/0001-native-engine-binding.md`.
 */
import { createRequire } from 'node:module';
import { wasm } from '../webAssembly.js';
import { encodeModel } from './onnxModel.js';

/** What the native class reads of a tensor; plain objects do, and spare the checks of the public `Tensor`. */
export interface OrtTensor {
  readonly type: 'float32' | 'int32' | 'int64' | 'bool';
  dims: readonly number[];
  data: ArrayBufferView;
  readonly location: 'cpu';
}

/** A loaded model. */
export interface OrtSession {
  run(
    feeds: Readonly<Record<string, OrtTensor>>,
    fetches: Readonly<Record<string, OrtTensor>>,
    options: Readonly<Record<string, unknown>>,
  ): unknown;
  dispose(): void;
}

interface NativeSession extends OrtSession {
  loadModel(buffer: ArrayBufferLike, byteOffset: number, byteLength: number, options: Record<string, unknown>): void;
}

interface BindingModule {
  readonly binding: { readonly InferenceSession: new () => NativeSession };
  readonly initOrt: () => void;
}

/** ONNX Runtime, ready for use. */
export interface Ort {
  readonly version: string;
  load(model: Uint8Array, threads: number): OrtSession;
}

/** Why ONNX Runtime cannot be used, in words for the user. */
export interface OrtFailure {
  readonly reason: string;
  readonly version?: string;
}

const REINSTALL = '`ONNXRUNTIME_NODE_INSTALL=skip npm install onnxruntime-node`';

/** Loads and checks ONNX Runtime; never throws. */
export function loadOrt(require = createRequire(import.meta.url)): Ort | OrtFailure {
  let version: string;
  try {
    version = String((require('onnxruntime-node/package.json') as { version?: unknown }).version);
  } catch {
    return {
      reason:
        'onnxruntime-node is not installed; when its install script cannot reach its download host, npm drops this ' +
        `optional package silently. Run ${REINSTALL} (the script fetches CUDA parts only, which are not needed)`,
    };
  }
  let module: BindingModule;
  try {
    module = require('onnxruntime-node/dist/binding.js') as BindingModule;
  } catch (cause) {
    const platform = `${process.platform}/${process.arch}`;
    const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
    return {
      version,
      reason:
        `onnxruntime-node ${version} has no library that loads on ${platform} (${why}); ` +
        'it ships for Linux with glibc, macOS and Windows on x64 and arm64. If its files are damaged, ' +
        `remove node_modules/onnxruntime-node and run ${REINSTALL}`,
    };
  }
  try {
    const ort = createOrt(module, version);
    selfTest(ort);
    return ort;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return {
      version,
      reason: `onnxruntime-node ${version} does not behave as expected (${why}); install version 1.30 of it`,
    };
  }
}

function createOrt({ binding, initOrt }: BindingModule, version: string): Ort {
  if (typeof binding?.InferenceSession !== 'function' || typeof initOrt !== 'function') {
    throw new Error('its dist/binding.js differs');
  }
  initOrt();
  return {
    version,
    load(model, threads) {
      const session = new binding.InferenceSession();
      session.loadModel(model.buffer, model.byteOffset, model.byteLength, {
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        executionMode: 'sequential',
        // Models are single operators: nothing to fuse, no pattern to learn, and buffers that ONNX Runtime would hoard
        // between calls are device memory that nobody counts.
        graphOptimizationLevel: 'disabled',
        enableMemPattern: false,
        enableCpuMemArena: false,
        logSeverityLevel: 3,
        ...(threads > 1 ? { extra: { session: { intra_op: { allow_spinning: '0' } } } } : {}),
      });
      return session;
    },
  };
}

/** A product with a preallocated output over a WebAssembly.Memory, at an offset: all that the engine relies on. */
function selfTest(ort: Ort): void {
  const model = encodeModel({
    inputs: { a: 'float32', b: 'float32' },
    outputs: { y: 'float32' },
    nodes: [{ op: 'MatMul', inputs: ['a', 'b'], outputs: ['y'] }],
  });
  const { buffer } = new wasm.Memory({ initial: 1, maximum: 1 });
  const [a, b, y] = [64, 128, 192].map((offset) => new Float32Array(buffer, offset, 4)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  a.set([1, 2, 3, 4]);
  b.set([5, -6, 7, 8]);
  const tensor = (data: Float32Array): OrtTensor => ({ type: 'float32', dims: [2, 2], data, location: 'cpu' });
  const session = ort.load(model, 1);
  session.run({ a: tensor(a), b: tensor(b) }, { y: tensor(y) }, {});
  session.dispose();
  const product = y.join(',');
  if (product !== '19,10,43,14') throw new Error(`a 2×2 product gave ${product} instead of 19,10,43,14`);
}
