/** A linear layer with its bias and activation as one operation. */
import {
  type Activation,
  activateInto,
  activationGradientInto,
  OptionError,
  readTensor,
  ShapeError,
  unfilledTensor,
} from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';
import { NativeBackend } from '../NativeBackend.js';
import { geluTail, isLongGelu } from './geluTail.js';
import { asOperation, isTaping, release, rowsOf } from './gradients.js';

/**
 * activation(x · weight + bias), differentiable in all three.
 *
 * The gradient in x is computed only if somebody asks for it, so the first layer of a network spares a product. Keeps x,
 * the weight, and the output (`relu`) or the slope (`gelu`) for backward. Runs on every tfjs backend.
 *
 * @param x - float32 `[…, in]`
 * @param weight - float32 `[in, out]`
 * @param bias - float32 `[out]`
 * @param activation - `gelu` is the tanh form, `gelu-erf` the definition
 * @returns float32 `[…, out]`
 * @throws ShapeError if the shapes do not fit; OptionError if the activation is unknown.
 */
export function linear<T extends tf.Tensor>(
  x: T,
  weight: tf.Tensor,
  bias: tf.Tensor,
  activation: Activation = 'linear',
): T {
  const where = 'linear';
  const { rows, width } = rowsOf(x);
  const out = weight.shape[1]!;
  if (x.rank === 0 || weight.rank !== 2 || weight.shape[0] !== width) {
    throw new ShapeError(where, 'weight', weight.shape, `[${width}, out] for x [${x.shape}]`);
  }
  if (bias.size !== out) throw new ShapeError(where, 'bias', bias.shape, `[${out}]`);
  if (!['linear', 'relu', 'gelu', 'gelu-erf'].includes(activation)) {
    throw new OptionError(where, 'activation', activation, '`linear`, `relu`, `gelu` or `gelu-erf`');
  }
  const isGelu = activation === 'gelu' || activation === 'gelu-erf';
  const shape = [...x.shape.slice(0, -1), out];

  return asOperation<T>([x, weight, bias], (x, weight, bias) => {
    const z = tf.matMul(tf.reshape(x!, [rows, width]), weight as tf.Tensor2D);
    let slope: tf.Tensor | undefined;
    const { backend } = tf.engine();
    const tail = (to: Float32Array): void => {
      const run = (derivative?: Float32Array) => {
        const from = readTensor(z);
        if (activation === 'gelu' && backend instanceof NativeBackend && isLongGelu(to.length)) {
          geluTail(backend, from.byteOffset, backend.address(bias!.dataId), rows, out, derivative?.byteOffset);
        } else {
          activateInto(from, readTensor(bias!), activation, to, derivative);
        }
      };
      if (isGelu && isTaping()) slope = unfilledTensor([rows, out], run);
      else run();
    };
    // On `native` the product is nobody else's and lies where the kernel works.
    const isInPlace = backend instanceof NativeBackend;
    const y = isInPlace ? z : unfilledTensor([rows, out], tail);
    if (isInPlace) tail(readTensor(z));
    const value = tf.reshape(y, shape);
    const other = activation === 'relu' ? [value] : slope ? [slope] : [];
    return {
      value,
      saved: [x!, weight!, ...other],
      gradient: (dy, [x, weight, other]) => {
        let dz = tf.reshape(dy, [rows, out]) as tf.Tensor2D;
        const dBias = unfilledTensor(bias!.shape, (sums) => {
          const from = readTensor(dy);
          if (!other) return activationGradientInto(from, 'linear', undefined, undefined, sums);
          dz.dispose();
          dz = unfilledTensor<tf.Rank.R2>([rows, out], (to) =>
            activationGradientInto(from, activation, readTensor(other), to, sums),
          );
        });
        release(dy, other ? [other] : []);
        // tfjs asks in this order, for those that it needs; the weight is nearly always among them.
        return [
          () => tf.reshape(tf.matMul(dz, weight as tf.Tensor2D, false, true), x!.shape),
          () => {
            const dWeight = tf.matMul(tf.reshape(x!, [rows, width]), dz, true);
            if (!isTaping()) tf.dispose([dz, x!, weight!]);
            return dWeight;
          },
          () => dBias,
        ];
      },
    };
  });
}
