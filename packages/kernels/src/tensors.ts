/** Tensors and typed arrays: the only place that knows which tfjs backends share their storage with kernels. */
import * as tf from '@tensorflow/tfjs-core';

/** What a tfjs backend offers if kernels may write and read its storage directly. */
interface SharingBackend {
  strataAllocate?(
    shape: readonly number[],
    dtype: 'float32',
  ): { readonly dataId: tf.DataId; readonly values: Float32Array };
  strataView?(dataId: tf.DataId): Float32Array;
}

/**
 * Makes a float32 tensor whose contents `fill` writes. The array starts as zeros and is valid inside `fill` only.
 *
 * On the `native` backend it is the tensor's storage in the device memory; elsewhere tfjs takes the array over.
 *
 * @param shape - dimensions; 0 is allowed
 * @example
 * import '@tensorflow/tfjs-backend-cpu'; // or any other backend
 *
 * import '@tensorflow/tfjs-backend-cpu'; // or any other backend
 * readTensor(tensorFrom([2], (data) => data.set([1, 2]))); // => Float32Array [1, 2]
 */
export function tensorFrom(shape: readonly number[], fill: (data: Float32Array) => void): tf.Tensor {
  return unfilledTensor(shape, (data) => {
    data.fill(0);
    fill(data);
  });
}

/** {@link tensorFrom} for kernels that write every element: the array holds anything at first. */
export function unfilledTensor<R extends tf.Rank>(
  shape: readonly number[],
  fill: (data: Float32Array) => void,
): tf.Tensor<R> {
  const engine = tf.engine();
  const backend = engine.backend as tf.KernelBackend & SharingBackend;
  if (!backend.strataAllocate) {
    const data = new Float32Array(tf.util.sizeFromShape([...shape]));
    fill(data);
    return tf.tensor(data, [...shape] as tf.ShapeMap[R], 'float32');
  }
  const { dataId, values } = backend.strataAllocate(shape, 'float32');
  try {
    fill(values);
  } catch (error) {
    backend.disposeData(dataId, true);
    throw error;
  }
  return engine.makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: 'float32' }) as tf.Tensor<R>;
}

/**
 * The contents of a float32 tensor; blocks until they are computed.
 *
 * A view of the tensor's storage where the backend allows it (`native`, `cpu`), else a copy: never write it, and do not
 * keep it longer than the tensor. Tensors of other dtypes are converted.
 */
export function readTensor(t: tf.Tensor): Float32Array {
  if (t.dtype !== 'float32') return Float32Array.from(t.dataSync());
  // A tensor may live on another backend than the current one.
  const backend = tf.engine().state.tensorInfo.get(t.dataId)?.backend as SharingBackend | undefined;
  if (backend?.strataView && !t.isDisposed) return backend.strataView(t.dataId);
  return t.dataSync<'float32'>();
}
