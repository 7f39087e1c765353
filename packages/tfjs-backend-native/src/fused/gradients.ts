/** What all fused operations share: how they hook into tfjs's tape, and when they keep things for backward. */
import * as tf from '@tensorflow/tfjs-core';

/** The gradient in one input, or how to compute it if somebody asks. */
type Gradient = tf.Tensor | (() => tf.Tensor);

/** Result of a fused operation: its value, and its gradient in each input. */
export interface Differentiable {
  readonly value: tf.Tensor;
  /** Kept until backward; nothing is kept where nobody asks for gradients. */
  readonly saved: readonly tf.Tensor[];
  /** Gradients in the inputs, in order. */
  readonly gradient: (dy: tf.Tensor, saved: readonly tf.Tensor[]) => readonly Gradient[];
}

/**
 * What `tf.customGrad` is made of. It computes the gradients in all inputs, needed or not; this takes them one by one.
 * tfjs does not declare it public, so `customGrad` is used where it is missing.
 */
interface TapeRunner {
  runKernelFunc?(call: {
    readonly inputs: Readonly<Record<number, tf.Tensor>>;
    readonly forwardFunc: (backend: unknown, save: (tensors: tf.Tensor[]) => void) => tf.Tensor;
    readonly backwardsFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => Readonly<Record<number, () => tf.Tensor>>;
  }): tf.Tensor;
}

/** Runs `compute` as one operation of the tape. Its gradient is not differentiable again. */
export function asOperation<T extends tf.Tensor>(
  inputs: readonly tf.Tensor[],
  compute: (...inputs: tf.Tensor[]) => Differentiable,
): T {
  const runner = tf.engine() as unknown as TapeRunner;
  if (!runner.runKernelFunc) return byCustomGrad(inputs, compute) as T;
  let gradient: Differentiable['gradient'] | undefined;
  const value = runner.runKernelFunc({
    inputs: { ...inputs },
    forwardFunc: (_, save) => {
      const result = compute(...inputs);
      save([...result.saved]);
      gradient = result.gradient;
      return result.value;
    },
    backwardsFunc: (dy, saved) => {
      const gradients = gradient!(dy, saved);
      if (gradients.every((g) => typeof g !== 'function')) release(dy, saved);
      return { ...gradients.map((g) => (typeof g === 'function' ? g : () => g)) };
    },
  });
  return value as T;
}

function byCustomGrad(inputs: readonly tf.Tensor[], compute: (...inputs: tf.Tensor[]) => Differentiable): tf.Tensor {
  const operation = tf.customGrad((...args) => {
    const save = args[args.length - 1] as unknown as tf.GradSaveFunc;
    const { value, saved, gradient } = compute(...(args.slice(0, -1) as tf.Tensor[]));
    save([...saved]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => {
        const gradients = gradient(dy, kept).map((g) => (typeof g === 'function' ? g() : g));
        return gradients.length === 1 ? gradients[0]! : gradients;
      },
    };
  });
  return operation(...inputs);
}

/**
 * Frees what backward will not look at again: tfjs would hold it until the whole of backward is done, and twice the
 * memory means half of it out of the cache. A `dy` that the user gave, and the tape of a higher derivative, stay.
 */
export function release(dy: tf.Tensor, saved: readonly tf.Tensor[]): void {
  const { activeScope, gradientDepth } = tf.engine().state;
  if (gradientDepth > 0) return;
  // Every node of the tape has a dy of its own; one of an outer scope is the user's.
  if (dy.scopeId === activeScope.id) dy.dispose();
  tf.dispose([...saved]);
}

/** Whether somebody will ask for gradients of what is computed now. */
export function isTaping(): boolean {
  return tf.engine().state.gradientDepth > 0;
}

/** The last dimension, and how many rows of it there are. */
export function rowsOf(x: tf.Tensor): { readonly rows: number; readonly width: number } {
  const width = x.shape[x.rank - 1] ?? 1;
  return { rows: width === 0 ? 0 : x.size / width, width };
}
