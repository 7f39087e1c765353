/** Typed arrays over SharedArrayBuffer: sent to a rank they are shared, not copied. */

/** Typed arrays that {@link toShared} takes. */
export type SharableArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint32Array
  | Int16Array
  | Uint16Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray;

/** float32 `[length]` zeros over shared memory. */
export function sharedFloat32(length: number): Float32Array<SharedArrayBuffer> {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

/** float64 `[length]` zeros over shared memory. */
export function sharedFloat64(length: number): Float64Array<SharedArrayBuffer> {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

/** int32 `[length]` zeros over shared memory. */
export function sharedInt32(length: number): Int32Array<SharedArrayBuffer> {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

/** uint32 `[length]` zeros over shared memory. */
export function sharedUint32(length: number): Uint32Array<SharedArrayBuffer> {
  return new Uint32Array(new SharedArrayBuffer(4 * length));
}

/** uint8 `[length]` zeros over shared memory. */
export function sharedUint8(length: number): Uint8Array<SharedArrayBuffer> {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** True if the array lies in shared memory. */
export function isShared(array: ArrayBufferView): boolean {
  return array.buffer instanceof SharedArrayBuffer;
}

/**
 * Copies an array into shared memory; an array that is shared already is returned as it is.
 *
 * @example
 * toShared(Float32Array.of(1, 2)).buffer instanceof SharedArrayBuffer; // => true
 */
export function toShared<A extends SharableArray>(array: A): A {
  if (isShared(array)) return array;
  const create = array.constructor as new (buffer: SharedArrayBuffer) => A;
  const copy = new create(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}
