/** Changing variables where they lie, for optimizers and running averages. */
import { readTensor } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { NativeBackend } from '../NativeBackend.js';

/**
 * Lets `change` write the contents of float32 variables.
 *
 * On `native` that is their own memory, unless another tensor shares it (a clone, a reshaped view): then, and on other
 * backends, `change` works on copies, which become the new values.
 */
export function changeVariables(variables: readonly tf.Variable[], change: (...values: Float32Array[]) => void): void {
  const { backend } = tf.engine();
  const native = backend instanceof NativeBackend ? backend : undefined;
  const copies: { readonly variable: tf.Variable; readonly values: Float32Array }[] = [];
  const arrays = variables.map((variable) => {
    if (native?.data.has(variable.dataId) && native.refCount(variable.dataId) === 1)
      return native.strataView(variable.dataId);
    const values = readTensor(variable).slice();
    copies.push({ variable, values });
    return values;
  });
  change(...(arrays as Float32Array[]));
  for (const { variable, values } of copies) {
    tf.tidy(() => {
      // The tensor takes the array over; the variable shares it, and stays its only owner.
      variable.assign(tf.tensor(values, variable.shape, 'float32'));
    });
  }
}
