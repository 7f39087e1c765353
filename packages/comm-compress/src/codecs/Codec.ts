/**
 * What every compressor is: a tensor in, exact bytes out, and a rule for combining the bytes of many ranks.
 *
 * Codec, error memory and communicator are separate parts, as in GRACE (Xu et al., ICDCS 2021).
 */
import { DataError, type Rng, ShapeError } from '@strata-ml/core';

/**
 * How payloads of many ranks become one mean. `linear`: they are added up. `gather`: everybody gets all and decodes them.
 * `vote`: the majority of signs. `twoPhase`: each rank averages one part, compresses it again and sends it to all.
 */
export type Aggregation = 'linear' | 'gather' | 'vote' | 'twoPhase';

/** All {@link Aggregation}s. */
export const aggregations: readonly Aggregation[] = ['linear', 'gather', 'vote', 'twoPhase'];

/** One compressed tensor. `bytes` is what crosses the wire; the rest is its header, counted separately. */
export interface Payload {
  /** `id` of the codec that made it. */
  readonly codec: string;
  readonly shape: readonly number[];
  /** Exact and contiguous. */
  readonly bytes: Uint8Array;
  /** Key of the generator that chose positions, where sender and receiver draw the same. */
  readonly draw?: readonly [number, number];
}

/** A compressor. State, if it has any, is kept by `key`, so that streams never share it by accident. */
export interface Codec {
  readonly id: string;
  /** How its payloads are combined unless something else is asked for. */
  readonly aggregation: Aggregation;
  /**
   * Compresses float32 `[n]`, n = the product of `shape`; does not change `x`. Ranks that share positions or a first factor
   * must pass equal generators.
   *
   * @throws {@link ShapeError} if `x` does not have `shape`; {@link NonFiniteError} where NaN or infinity cannot be coded.
   */
  encode(x: Float32Array, shape: readonly number[], key: string, rng: Rng): Payload;
  /** Fills `out` `[n]` with the tensor that the payload stands for. */
  decode(payload: Payload, out: Float32Array): void;
  /** Bytes of state that the codec keeps now, over all keys. */
  stateBytes(): number;
}

/** A codec whose payload has a size that the shape alone decides. */
export interface FixedSizeCodec extends Codec {
  /** Bytes of a payload for this shape. */
  payloadBytes(shape: readonly number[]): number;
}

/** True if all payloads of one shape have the same size. */
export function isFixedSize(codec: Codec): codec is FixedSizeCodec {
  return 'payloadBytes' in codec;
}

/** Number of elements of a shape. */
export function elementsOf(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** Rows and columns of a tensor seen as a matrix: its first dimension, and the rest. */
export function matrixOf(shape: readonly number[]): readonly [rows: number, columns: number] {
  const rows = shape[0] ?? 1;
  return [rows, rows === 0 ? 0 : elementsOf(shape) / rows];
}

/** @throws {@link ShapeError} unless `x` has as many elements as `shape` says. */
export function checkInput(id: string, x: Float32Array, shape: readonly number[]): void {
  const n = elementsOf(shape);
  if (x.length !== n) throw new ShapeError(`${id}.encode`, 'x', [x.length], `[${n}], the product of [${shape}]`);
}

/**
 * @throws {@link DataError} if another codec made the payload, or its size is not what the shape needs.
 * @throws {@link ShapeError} if `out` does not have the payload's number of elements.
 */
export function checkPayload(id: string, payload: Payload, out: Float32Array, bytes: number): void {
  if (payload.codec !== id) {
    throw new DataError(`${id}.decode: payload must come from ${id}, got one of ${payload.codec}`);
  }
  const n = elementsOf(payload.shape);
  if (out.length !== n) throw new ShapeError(`${id}.decode`, 'out', [out.length], `[${n}]`);
  if (payload.bytes.length !== bytes) {
    throw new DataError(
      `${id}.decode: payload of shape [${payload.shape}] must have ${bytes} bytes, got ${payload.bytes.length}`,
    );
  }
}

/** Bytes of a payload, as an array of another type: a view where the address allows it, else a copy. */
export function floatsIn(bytes: Uint8Array, begin: number, count: number): Float32Array {
  if ((bytes.byteOffset + begin) % 4 === 0) return new Float32Array(bytes.buffer, bytes.byteOffset + begin, count);
  return new Float32Array(bytes.slice(begin, begin + 4 * count).buffer);
}

/** As {@link floatsIn}, for positions. */
export function uint32sIn(bytes: Uint8Array, begin: number, count: number): Uint32Array {
  if ((bytes.byteOffset + begin) % 4 === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset + begin, count);
  return new Uint32Array(bytes.slice(begin, begin + 4 * count).buffer);
}

/** As {@link floatsIn}, for 16-bit floats. */
export function halvesIn(bytes: Uint8Array, begin: number, count: number): Uint16Array {
  if ((bytes.byteOffset + begin) % 2 === 0) return new Uint16Array(bytes.buffer, bytes.byteOffset + begin, count);
  return new Uint16Array(bytes.slice(begin, begin + 2 * count).buffer);
}
