/**
 * NaN-propagating maximum and minimum. MPI_MAX leaves NaN undefined (libraries keep `a > b ? a : b`), so floats are
 * mapped to integers of the same order, reduced as integers and mapped back. Every NaN gets the key that wins. The order
 * is total: −0 lies below +0. Both maps work in place: the bit pattern of a float with its sign handled is its key.
 */
import type { CommArray, ReduceOp } from '@strata-ml/core';
import type { ElementType } from '../library/handles.js';

/** True if reducing these data with `op` needs the detour. */
export function needsOrderedKeys(data: CommArray, op: ReduceOp): data is Float32Array | Float64Array {
  return (op === 'max' || op === 'min') && (data instanceof Float32Array || data instanceof Float64Array);
}

/** Integer type of the keys. */
export function orderedKeyType(data: CommArray): ElementType {
  return data instanceof Float64Array ? 'int64' : 'int32';
}

/** Replaces floats by keys, in place. */
export function encodeOrderedKeys(data: CommArray, op: ReduceOp): void {
  const words = wordsOf(data);
  const nanHigh = op === 'max' ? 0x7fffffff : -0x80000000;
  if (data instanceof Float64Array) {
    for (let i = 0; i < data.length; i++) {
      const isNan = Number.isNaN(data[i]!);
      if (isNan) {
        words[2 * i + 1] = nanHigh;
        words[2 * i] = op === 'max' ? -1 : 0;
      } else flip64(words, i);
    }
    return;
  }
  for (let i = 0; i < data.length; i++) words[i] = Number.isNaN(data[i]!) ? nanHigh : flip32(words[i]!);
}

/** Undoes {@link encodeOrderedKeys}; the keys of NaN come back as NaN. */
export function decodeOrderedKeys(data: CommArray): void {
  const words = wordsOf(data);
  if (data instanceof Float64Array) for (let i = 0; i < data.length; i++) flip64(words, i);
  else for (let i = 0; i < data.length; i++) words[i] = flip32(words[i]!);
}

/** Negative floats order backwards as integers: invert all bits but the sign. An involution. */
function flip32(word: number): number {
  return word < 0 ? word ^ 0x7fffffff : word;
}

/** The same over two 32-bit words, low word first (little endian). */
function flip64(words: Int32Array, i: number): void {
  if (words[2 * i + 1]! < 0) {
    words[2 * i + 1]! ^= 0x7fffffff;
    words[2 * i] = ~words[2 * i]!;
  }
}

function wordsOf(data: CommArray): Int32Array {
  return new Int32Array(data.buffer, data.byteOffset, data.byteLength / 4);
}
