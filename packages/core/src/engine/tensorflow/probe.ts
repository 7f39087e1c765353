/** Can TensorFlow compute in this thread? */
import { isMainThread } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import { loadTensorflow } from './load.js';
import { locateTensorflow } from './locate.js';

/** The answer; `load` registers the backend. */
export type TensorflowProbe =
  | { readonly available: true; readonly reason: string; readonly version: string }
  | { readonly available: false; readonly reason: string };

/** Finds `@tensorflow/tfjs-node` and loads it. Never throws: what went wrong becomes the reason. */
export function probeTensorflow(threads: number | undefined): TensorflowProbe {
  const reason = 'TensorFlow’s library, through @tensorflow/tfjs-node';
  const found = locateTensorflow();
  // A program that imported tfjs-node itself has registered the backend.
  if (tf.findBackendFactory('tensorflow') !== null) {
    return { available: true, reason, version: 'missing' in found ? 'unknown' : found.version };
  }
  if ('missing' in found) return { available: false, reason: found.missing };
  try {
    loadTensorflow(found, { threads });
  } catch (error) {
    const why = firstLine(error);
    // Addons compiled against old headers register themselves when the library is loaded, which happens once.
    const isSecondThread = !isMainThread && why.includes('did not self-register');
    return {
      available: false,
      reason: isSecondThread
        ? `the addon in ${found.folder} loads in one thread of a process only; use the processes or mpi transport`
        : `@tensorflow/tfjs-node in ${found.folder} does not load (${why}); compile it with pnpm tensorflow:build`,
    };
  }
  return { available: true, reason, version: found.version };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
