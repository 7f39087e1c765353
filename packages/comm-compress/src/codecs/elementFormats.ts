/** Codecs without state that change the format of each element: float32 as it is, and the 16-bit floats. */
import { DataError, NonFiniteError } from '@strata-ml/core';
import { bfloat16From, bfloat16To, float16From, float16To, moments } from '@strata-ml/kernels';
import { checkInput, checkPayload, elementsOf, floatsIn, halvesIn } from './Codec.js';
import { averageElements, type LinearCodec } from './linear.js';

/** A codec whose payload is one number for each element: parts of it are payloads of parts. */
export interface ElementCodec extends LinearCodec {
  readonly aggregation: 'linear';
  readonly bytesPerElement: 2 | 4;
}

/** The identity: 4 bytes an element. */
export function fp32(): ElementCodec {
  const id = 'fp32';
  const codec: ElementCodec = {
    id,
    aggregation: 'linear',
    bytesPerElement: 4,
    payloadBytes: (shape) => 4 * elementsOf(shape),
    encode(x, shape) {
      checkInput(id, x, shape);
      const copy = new Float32Array(x);
      return { codec: id, shape, bytes: new Uint8Array(copy.buffer) };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, 4 * elementsOf(payload.shape));
      out.set(floatsIn(payload.bytes, 0, out.length));
    },
    stateBytes: () => 0,
    allReduce: (parts, network) => averageElements(codec, parts, network),
  };
  return codec;
}

/** Options of {@link fp16}. */
export interface Fp16Options {
  /** What happens to magnitudes above 65504: `saturate` to it, or `raise`. @defaultValue `'saturate'` */
  readonly overflow?: 'saturate' | 'raise';
  /** Power of two that numbers are multiplied by before, and divided by after. @defaultValue `1` */
  readonly lossScale?: number;
}

const LARGEST_HALF = 65504;

/**
 * IEEE half floats, 2 bytes an element: round to nearest, ties to even, subnormal numbers kept. A NaN stays one, and ±Infinity
 * too.
 *
 * @throws {@link DataError} from `encode` if a finite number overflows and `overflow` is `raise`.
 */
export function fp16({ overflow = 'saturate', lossScale = 1 }: Fp16Options = {}): ElementCodec {
  const id = 'fp16';
  const codec: ElementCodec = {
    id,
    aggregation: 'linear',
    bytesPerElement: 2,
    payloadBytes: (shape) => 2 * elementsOf(shape),
    encode(x, shape) {
      checkInput(id, x, shape);
      const bits = new Uint16Array(x.length);
      const scaled = lossScale === 1 ? x : x.map((v) => v * lossScale);
      if (overflow === 'raise') rejectOverflow(scaled);
      float16From(scaled, bits, 'saturate');
      return { codec: id, shape, bytes: new Uint8Array(bits.buffer) };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, 2 * elementsOf(payload.shape));
      float16To(halvesIn(payload.bytes, 0, out.length), out);
      if (lossScale !== 1) for (let i = 0; i < out.length; i++) out[i]! /= lossScale;
    },
    stateBytes: () => 0,
    allReduce: (parts, network) => averageElements(codec, parts, network),
  };
  return codec;
}

function rejectOverflow(x: Float32Array): void {
  if (moments(x).largest <= LARGEST_HALF) return;
  const i = x.findIndex((v) => Math.abs(v) > LARGEST_HALF && Math.abs(v) < Infinity);
  if (i < 0) return;
  throw new DataError(
    `fp16.encode: element ${i} must be within ±${LARGEST_HALF}, got ${x[i]}; lower lossScale or saturate`,
  );
}

/** The upper half of a float32, 2 bytes an element: round to nearest, ties to even; a NaN stays one. */
export function bf16(): ElementCodec {
  const id = 'bf16';
  const codec: ElementCodec = {
    id,
    aggregation: 'linear',
    bytesPerElement: 2,
    payloadBytes: (shape) => 2 * elementsOf(shape),
    encode(x, shape) {
      checkInput(id, x, shape);
      const bits = new Uint16Array(x.length);
      bfloat16From(x, bits);
      return { codec: id, shape, bytes: new Uint8Array(bits.buffer) };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, 2 * elementsOf(payload.shape));
      bfloat16To(halvesIn(payload.bytes, 0, out.length), out);
    },
    stateBytes: () => 0,
    allReduce: (parts, network) => averageElements(codec, parts, network),
  };
  return codec;
}

/** @throws {@link NonFiniteError} that names the first NaN or infinity of `x`. */
export function rejectNonFinite(where: string, x: Float32Array): never {
  const i = x.findIndex((v) => !Number.isFinite(v));
  throw new NonFiniteError(where, i, x[i]!, 'skip this step');
}
