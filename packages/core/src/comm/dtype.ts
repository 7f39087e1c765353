/** Element types of messages, as small codes that fit into shared memory. */
import { OptionError } from '../errors.js';
import type { CommArray, ReduceOp } from './ProcessGroup.js';

/** Constructor of a typed array over given memory. */
export type CommArrayConstructor = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => CommArray;

/** One element type. */
export interface ElementType {
  readonly code: number;
  readonly name: 'f32' | 'f64' | 'i32' | 'u32' | 'u16' | 'u8';
  readonly bytes: number;
  readonly array: CommArrayConstructor;
}

/** All element types by code. */
export const ELEMENT_TYPES: readonly ElementType[] = [
  { code: 0, name: 'f32', bytes: 4, array: Float32Array },
  { code: 1, name: 'f64', bytes: 8, array: Float64Array },
  { code: 2, name: 'i32', bytes: 4, array: Int32Array },
  { code: 3, name: 'u32', bytes: 4, array: Uint32Array },
  { code: 4, name: 'u16', bytes: 2, array: Uint16Array },
  { code: 5, name: 'u8', bytes: 1, array: Uint8Array },
];

const BY_TAG = new Map(ELEMENT_TYPES.map((t) => [`${(t.array as { name: string }).name}`, t]));

/** All reductions by code. */
export const REDUCE_OPS: readonly ReduceOp[] = ['sum', 'max', 'min', 'prod'];

/**
 * The element type of an array; Node's Buffer counts as u8.
 *
 * @throws {@link OptionError} if the array is of another kind.
 */
export function elementTypeOf(where: string, array: CommArray): ElementType {
  const type = BY_TAG.get((array as { [Symbol.toStringTag]?: string } | undefined)?.[Symbol.toStringTag] ?? '');
  if (!type) {
    throw new OptionError(where, 'data', typeof array, 'a Float32, Float64, Int32, Uint32, Uint16 or Uint8 array');
  }
  return type;
}

/**
 * The code of a reduction.
 *
 * @throws {@link OptionError} if there is none of that name.
 */
export function reduceOpCode(where: string, op: ReduceOp = 'sum'): number {
  const code = REDUCE_OPS.indexOf(op);
  if (code < 0) throw new OptionError(where, 'op', op, `one of ${REDUCE_OPS.join(', ')}`);
  return code;
}

/** The bytes of an array, without copying. */
export function bytesOf(array: CommArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
