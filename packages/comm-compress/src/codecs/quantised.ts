/** Codecs that round each element to few levels of a scale: 8-bit blocks, QSGD, TernGrad. */
import { OptionError } from '@strata-ml/core';
import {
  dequantizeBlocksInto,
  dequantizeInto,
  moments,
  packedBytes,
  quantizeBlocksInto,
  ternaryInto,
} from '@strata-ml/kernels';
import { checkInput, checkPayload, elementsOf, type FixedSizeCodec, floatsIn } from './Codec.js';
import { rejectNonFinite } from './elementFormats.js';

/** Options of {@link int8}. */
export interface Int8Options {
  /** Elements that share a scale: 16 times a power of two, up to 16384. @defaultValue `256` */
  readonly block?: number;
  /** Rounds up with the probability of the fraction, so that the mean is exact; else to nearest. @defaultValue `false` */
  readonly stochastic?: boolean;
}

/** Options of {@link qsgd}. */
export interface QsgdOptions {
  /** Levels between 0 and the norm of a bucket, 1 … 127. @defaultValue `127` */
  readonly levels?: number;
  /** Elements that share a norm: 16 times a power of two, up to 16384. @defaultValue `128` */
  readonly bucket?: number;
}

/**
 * A signed byte an element, and a float32 for each block: max |x| of the block / 127. n + 4·⌈n / block⌉ bytes.
 *
 * Rounded to nearest it is biased, so pair it with error feedback.
 *
 * @throws {@link OptionError} if `block` is out of range; {@link NonFiniteError} from `encode` for NaN and infinities.
 */
export function int8({ block = 256, stochastic = false }: Int8Options = {}): FixedSizeCodec {
  return blockCodec('int8', block, 127, 'max', stochastic);
}

/**
 * QSGD: each element becomes a random one of its two neighbours among `levels` multiples of ‖bucket‖₂ / levels, so that the mean
 * is exact. n + 4·⌈n / bucket⌉ bytes.
 *
 * The variance is at most min(n / s², √n / s)·‖x‖² in a bucket of n elements with s levels.
 * Alistarh et al.: "QSGD", NIPS 2017, arXiv:1610.02132. Codes are plain bytes, without Elias coding.
 *
 * @throws {@link OptionError} if an option is out of range; {@link NonFiniteError} from `encode` for NaN and infinities.
 */
export function qsgd({ levels = 127, bucket = 128 }: QsgdOptions = {}): FixedSizeCodec {
  return blockCodec('qsgd', bucket, levels, 'norm', true);
}

function blockCodec(
  id: string,
  block: number,
  levels: number,
  measure: 'max' | 'norm',
  stochastic: boolean,
): FixedSizeCodec {
  if (!(Number.isInteger(Math.log2(block / 16)) && block >= 16 && block <= 16_384)) {
    throw new OptionError(id, id === 'qsgd' ? 'bucket' : 'block', block, '16 times a power of two, up to 16384');
  }
  if (!(Number.isInteger(levels) && levels >= 1 && levels <= 127)) {
    throw new OptionError(id, 'levels', levels, 'a whole number from 1 to 127');
  }
  const bytesFor = (n: number) => n + 4 * Math.ceil(n / block);
  return {
    id,
    aggregation: 'gather',
    payloadBytes: (shape) => bytesFor(elementsOf(shape)),
    encode(x, shape, _key, rng) {
      checkInput(id, x, shape);
      const blocks = Math.ceil(x.length / block);
      // Scales first: their address is then right for floats.
      const bytes = new Uint8Array(bytesFor(x.length));
      const scales = new Float32Array(bytes.buffer, 0, blocks);
      const options = { block, levels, measure, ...(stochastic ? { key: rng.key } : {}) };
      quantizeBlocksInto(x, options, new Int8Array(bytes.buffer, 4 * blocks), scales);
      if (!scales.every(Number.isFinite)) rejectNonFinite(`${id}.encode`, x);
      return { codec: id, shape, bytes };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, bytesFor(out.length));
      const blocks = Math.ceil(out.length / block);
      const { bytes } = payload;
      const codes = new Int8Array(bytes.buffer, bytes.byteOffset + 4 * blocks, out.length);
      dequantizeBlocksInto(codes, block, floatsIn(bytes, 0, blocks), out);
    },
    stateBytes: () => 0,
  };
}

/** Options of {@link ternGrad}. */
export interface TernGradOptions {
  /** Entries are clipped to ± so many standard deviations first; Infinity does not clip. @defaultValue `2.5` */
  readonly clip?: number;
}

/**
 * TernGrad: each element becomes −scale, 0 or +scale at random, so that the mean is the clipped element. scale is the largest
 * clipped magnitude. ⌈n / 4⌉ + 4 bytes.
 *
 * Wen et al.: "TernGrad", NIPS 2017, arXiv:1705.07878. The scale is this rank's own.
 *
 * @throws {@link OptionError} if `clip` is not above 0; {@link NonFiniteError} from `encode` for NaN and infinities.
 */
export function ternGrad({ clip = 2.5 }: TernGradOptions = {}): FixedSizeCodec {
  const id = 'ternGrad';
  if (!(clip > 0)) throw new OptionError(id, 'clip', clip, '> 0');
  const bytesFor = (n: number) => packedBytes(n, 2) + 4;
  return {
    id,
    aggregation: 'gather',
    payloadBytes: (shape) => bytesFor(elementsOf(shape)),
    encode(x, shape, _key, rng) {
      checkInput(id, x, shape);
      const n = x.length;
      const { positiveSum, negativeSum, squares, largest } = moments(x);
      if (!Number.isFinite(squares)) rejectNonFinite(`${id}.encode`, x);
      const mean = n > 0 ? (positiveSum + negativeSum) / n : 0;
      const deviation = n > 0 ? Math.sqrt(Math.max(0, squares / n - mean * mean)) : 0;
      // A constant tensor has no deviation: nothing of it is an outlier.
      const limit = deviation > 0 ? clip * deviation : largest;
      const bytes = new Uint8Array(bytesFor(n));
      const scale = new Float32Array(bytes.buffer, 0, 1);
      scale[0] = Math.min(largest, limit);
      ternaryInto(x, scale[0]!, rng.key, bytes.subarray(4));
      return { codec: id, shape, bytes };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, bytesFor(out.length));
      const scale = floatsIn(payload.bytes, 0, 1)[0]!;
      if (scale === 0) out.fill(0);
      else dequantizeInto(payload.bytes.subarray(4), { bits: 2, low: -scale, step: scale }, out);
    },
    stateBytes: () => 0,
  };
}
