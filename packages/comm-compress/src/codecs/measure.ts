/** What a codec costs and gives on one tensor, measured. */
import { performance } from 'node:perf_hooks';
import { median, type Rng } from '@strata-ml/core';
import { sumOfSquares } from '@strata-ml/kernels';
import { type Codec, elementsOf } from './Codec.js';

/** Result of {@link measureCodec}. */
export interface CodecReport {
  readonly codec: string;
  readonly shape: readonly number[];
  /** Bytes of the tensor as float32. */
  readonly rawBytes: number;
  /** Bytes on the wire, without header. */
  readonly payloadBytes: number;
  /** Median of the calls, after one that is not counted. */
  readonly encodeSeconds: number;
  readonly decodeSeconds: number;
  /** ‖x − x̂‖₂ / ‖x‖₂ of the last call. */
  readonly relativeError: number;
  readonly stateBytes: number;
}

/**
 * Bytes per second of the link below which sending compressed is faster: (raw − payload bytes) / (encode + decode seconds).
 * 0 if the payload is not smaller.
 */
export function breakEvenBandwidth(
  r: Pick<CodecReport, 'rawBytes' | 'payloadBytes' | 'encodeSeconds' | 'decodeSeconds'>,
): number {
  return Math.max(0, r.rawBytes - r.payloadBytes) / (r.encodeSeconds + r.decodeSeconds);
}

/** ‖x − y‖₂ / ‖x‖₂; 0 for two tensors of zeros. */
export function relativeError(x: Float32Array, y: Float32Array): number {
  const norm = sumOfSquares(x);
  const difference = sumOfSquares(x.map((v, i) => v - y[i]!));
  return difference === 0 ? 0 : Math.sqrt(difference / norm);
}

/** Encodes and decodes `x` `repeats` + 1 times on this thread. The codec keeps the state that this leaves, under key `measure`. */
export function measureCodec(
  codec: Codec,
  x: Float32Array,
  shape: readonly number[],
  rng: Rng,
  repeats = 3,
): CodecReport {
  const out = new Float32Array(elementsOf(shape));
  const encode: number[] = [];
  const decode: number[] = [];
  let payloadBytes = 0;
  for (let i = 0; i <= repeats; i++) {
    const start = performance.now();
    const payload = codec.encode(x, shape, 'measure', rng.split(i));
    const middle = performance.now();
    codec.decode(payload, out);
    const end = performance.now();
    payloadBytes = payload.bytes.length;
    if (i === 0) continue;
    encode.push((middle - start) / 1000);
    decode.push((end - middle) / 1000);
  }
  return {
    codec: codec.id,
    shape,
    rawBytes: x.byteLength,
    payloadBytes,
    encodeSeconds: median(encode),
    decodeSeconds: median(decode),
    relativeError: relativeError(x, out),
    stateBytes: codec.stateBytes(),
  };
}
