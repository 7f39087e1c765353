/**
 * Loads TensorFlow's backend without the rest of `@tensorflow/tfjs-node`.
 *
 * The package's own entry loads a second copy of all of tfjs, whose kernels for other backends would be registered
 * twice. Its backend and kernels stand on names of tfjs-core alone, so here they get the copy that this program has.
 */
import Module, { createRequire } from 'node:module';
import { join, sep } from 'node:path';
import util from 'node:util';
import { isMainThread } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import type { TensorflowPackage } from './locate.js';

const require = createRequire(import.meta.url);

/** `Module._resolveFilename`: where `require` looks a name up. */
interface Resolver {
  _resolveFilename(request: string, parent?: { readonly filename?: string | null }, ...rest: unknown[]): string;
}

/** Options of {@link loadTensorflow}. */
export interface LoadTensorflowOptions {
  /** Threads one op may use; counts for the first load in a process. @defaultValue all cores */
  readonly threads?: number | undefined;
}

/**
 * Registers the backend `tensorflow`.
 *
 * @throws what the dynamic linker says if the addon or TensorFlow's libraries cannot be loaded.
 */
export function loadTensorflow(found: TensorflowPackage, { threads }: LoadTensorflowOptions = {}): void {
  setEnvironment(threads);
  restoreUtil();
  const { backend, bindings } = withOurTfjs(found.folder, () => {
    const bindings: unknown = require(found.addon);
    require(join(found.folder, 'dist', 'register_all_kernels.js'));
    const backend = require(join(found.folder, 'dist', 'nodejs_kernel_backend.js')) as {
      readonly NodeJSKernelBackend: new (bindings: unknown, packageName: string) => tf.KernelBackend;
    };
    return { backend, bindings };
  });
  const priority = 3; // as the package's own entry has it
  tf.registerBackend('tensorflow', () => new backend.NodeJSKernelBackend(bindings, '@tensorflow/tfjs-node'), priority);
}

/** TensorFlow reads these once, when its library is loaded; a worker thread's copy of the environment does not reach it. */
function setEnvironment(threads: number | undefined): void {
  if (!isMainThread) return;
  const { env } = process;
  // Notes on its build and on the processor go to stderr otherwise; errors still do.
  env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  if (threads === undefined) return;
  env.TF_NUM_INTRAOP_THREADS ??= String(threads);
  env.TF_NUM_INTEROP_THREADS ??= String(threads);
  env.OMP_NUM_THREADS ??= String(threads);
}

/** Node 23 removed two functions that the backend calls. */
function restoreUtil(): void {
  const old = util as unknown as Record<string, unknown>;
  old.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  old.isArray ??= Array.isArray;
}

/** Runs `load` so that files of the package which require tfjs or tfjs-core get this program's tfjs-core. */
function withOurTfjs<T>(folder: string, load: () => T): T {
  const resolver = Module as unknown as Resolver;
  const original = resolver._resolveFilename;
  const core = require.resolve('@tensorflow/tfjs-core');
  resolver._resolveFilename = function (request, parent, ...rest) {
    const isTfjs = request === '@tensorflow/tfjs' || request === '@tensorflow/tfjs-core';
    if (isTfjs && parent?.filename?.startsWith(folder + sep)) return core;
    return original.call(this, request, parent, ...rest);
  };
  try {
    return load();
  } finally {
    resolver._resolveFilename = original;
  }
}
