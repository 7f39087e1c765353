/**
 * Arrays in the form in which MPI reduces them as we promise. Maxima and minima of floats go as ordered keys, so that NaN
 * propagates; sums and products of short unsigned integers go as uint32, because Open MPI 4.1's vector code saturates
 * where integers must wrap.
 */
import type { CommArray, ReduceOp } from '@strata-ml/core';
import type { ElementType } from '../library/handles.js';
import { elementTypeOf } from '../library/handles.js';
import { decodeOrderedKeys, encodeOrderedKeys, needsOrderedKeys, orderedKeyType } from './orderedKeys.js';

/** An array ready to be reduced. */
export interface Reducible {
  /** What MPI sees. */
  readonly array: CommArray;
  readonly type: ElementType;
  /** An array in which MPI can put (part of) the result that `output` is to hold. */
  result(output: CommArray): CommArray;
  /** Brings the result into `output`, from what {@link Reducible.result} gave for it; undefined: it is there already. */
  readonly restore?: (result: CommArray, output: CommArray) => void;
}

/** Prepares `data` for `op`; `inPlace` allows to change them. */
export function reducible(data: CommArray, op: ReduceOp, inPlace: boolean): Reducible {
  if (needsOrderedKeys(data, op)) {
    const array = inPlace ? data : data.slice();
    encodeOrderedKeys(array, op);
    return {
      array,
      type: orderedKeyType(data),
      result: (output) => output,
      restore: (_, output) => decodeOrderedKeys(output),
    };
  }
  if ((op === 'sum' || op === 'prod') && (data instanceof Uint8Array || data instanceof Uint16Array)) {
    return {
      array: Uint32Array.from(data),
      type: 'uint32',
      result: (output) => new Uint32Array(output.length),
      // Storing into a shorter type keeps the low bits: that is how it wraps.
      restore: (result, output) => output.set(result as Uint32Array),
    };
  }
  return { array: data, type: elementTypeOf(data), result: (output) => output };
}
