/** Rows of an embedding table by token, with a gradient that adds up. */
import { gatherRowsInto, readTensor, scatterAddRowsInto, tensorFrom } from '@strata-ml/kernels';
import * as tf from '@tensorflow/tfjs-core';

/** Rows of a table that starts at token `firstRow`; tokens outside it give zeros and no gradient. */
export function lookUp(table: tf.Tensor2D, tokens: Int32Array, firstRow: number): tf.Tensor2D {
  const [rows, width] = table.shape;
  const ids = tokens.map((token) => (token >= firstRow && token < firstRow + rows ? token - firstRow : -1));
  // Kernels know no row −1; what is not here is gathered and scattered in compact form.
  const here = ids.includes(-1) ? Int32Array.from(ids.keys()).filter((at) => ids[at]! >= 0) : undefined;
  const found = here ? Int32Array.from(here, (at) => ids[at]!) : ids;
  const op = tf.customGrad((...[table]) => ({
    value: tensorFrom([ids.length, width], (out) => {
      const from = readTensor(table as tf.Tensor);
      if (!here) return gatherRowsInto(from, width, found, out);
      const compact = new Float32Array(found.length * width);
      gatherRowsInto(from, width, found, compact);
      for (const [i, at] of here.entries()) out.set(compact.subarray(i * width, (i + 1) * width), at * width);
    }),
    gradFunc: (dy: tf.Tensor) =>
      tensorFrom([rows, width], (out) => {
        const from = readTensor(dy);
        if (!here) return scatterAddRowsInto(out, width, found, from);
        const compact = new Float32Array(found.length * width);
        gatherRowsInto(from, width, here, compact);
        scatterAddRowsInto(out, width, found, compact);
      }),
  }));
  return op(table) as tf.Tensor2D;
}
