/** Codecs that send few entries: the largest, those above a threshold, or random ones. */
import { DataError, OptionError, Rng, ShapeError } from '@strata-ml/core';
import { topKInto } from '@strata-ml/kernels';
import {
  type Codec,
  checkInput,
  checkPayload,
  elementsOf,
  type FixedSizeCodec,
  floatsIn,
  type Payload,
  uint32sIn,
} from './Codec.js';
import { type ElementCodec, fp32, rejectNonFinite } from './elementFormats.js';
import { divide, type LinearCodec } from './linear.js';
import { drawPositions } from './positions.js';

/** Options of {@link topK} and {@link randomK}. */
export interface RatioOptions {
  /** Fraction of entries to keep, in (0, 1]. @defaultValue `0.01` */
  readonly ratio?: number;
}

const keptOf = (ratio: number, n: number) => Math.min(n, Math.max(1, Math.floor(ratio * n)));

/** Positions take 4 bytes each, or one bit of each element, whichever is less. */
const isBitmapSmaller = (k: number, n: number) => Math.ceil(n / 8) < 4 * k;

/**
 * Keeps the k = max(1, ⌊ratio · n⌋) entries of largest magnitude, as values and positions: min(8k, 4k + ⌈n / 8⌉) bytes.
 *
 * Among equal magnitudes the lowest position wins, so every run sends the same bytes. ‖x − decode(encode(x))‖² ≤ (1 − k/n)·‖x‖².
 * Biased, so train with error feedback. Ranks keep different positions: payloads are gathered, never summed.
 * Stich, Cordonnier, Jaggi: "Sparsified SGD with Memory", NeurIPS 2018, arXiv:1809.07599.
 *
 * @throws {@link OptionError} if `ratio` is outside (0, 1]; {@link NonFiniteError} from `encode` for NaN and infinities.
 */
export function topK({ ratio = 0.01 }: RatioOptions = {}): FixedSizeCodec {
  const id = 'topK';
  checkRatio(id, ratio);
  const bytesFor = (n: number) => {
    const k = keptOf(ratio, n);
    return 4 * k + (isBitmapSmaller(k, n) ? Math.ceil(n / 8) : 4 * k);
  };
  return {
    id,
    aggregation: 'gather',
    payloadBytes: (shape) => bytesFor(elementsOf(shape)),
    encode(x, shape) {
      checkInput(id, x, shape);
      const k = keptOf(ratio, x.length);
      const bytes = new Uint8Array(bytesFor(x.length));
      const values = new Float32Array(bytes.buffer, 0, k);
      const isBitmap = isBitmapSmaller(k, x.length);
      const indices = isBitmap ? new Uint32Array(k) : new Uint32Array(bytes.buffer, 4 * k, k);
      topKInto(x, indices, values);
      // NaN and infinities have the largest magnitudes of all: if there is one, it is among the kept.
      if (!values.every(Number.isFinite)) rejectNonFinite(`${id}.encode`, x);
      if (isBitmap) for (const i of indices) bytes[4 * k + (i >> 3)]! |= 1 << (i & 7);
      return { codec: id, shape, bytes };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, bytesFor(out.length));
      const k = keptOf(ratio, out.length);
      const values = floatsIn(payload.bytes, 0, k);
      if (!isBitmapSmaller(k, out.length)) {
        scatter(id, uint32sIn(payload.bytes, 4 * k, k), values, out);
        return;
      }
      let at = 0;
      for (let i = 0; i < out.length; i++) {
        const isKept = (payload.bytes[4 * k + (i >> 3)]! >> (i & 7)) & 1;
        out[i] = isKept ? values[at++]! : 0;
      }
    },
    stateBytes: () => 0,
  };
}

/** Options of {@link threshold}. */
export interface ThresholdOptions {
  /** Entries of at least this magnitude are sent, > 0. */
  readonly value: number;
}

/**
 * Keeps the entries with |x| ≥ value: 8 bytes each. How many there are differs from rank to rank, so payloads are gathered.
 *
 * @throws {@link OptionError} if `value` is not above 0; {@link NonFiniteError} from `encode` for NaN and infinities.
 */
export function threshold({ value }: ThresholdOptions): Codec {
  const id = 'threshold';
  if (!(value > 0 && value < Infinity)) throw new OptionError(id, 'value', value, '> 0 and finite');
  return {
    id,
    aggregation: 'gather',
    encode(x, shape) {
      checkInput(id, x, shape);
      let k = 0;
      for (let i = 0; i < x.length; i++) if (!(Math.abs(x[i]!) < value)) k++;
      const bytes = new Uint8Array(8 * k);
      const values = new Float32Array(bytes.buffer, 0, k);
      const indices = new Uint32Array(bytes.buffer, 4 * k, k);
      for (let i = 0, at = 0; at < k; i++) {
        if (Math.abs(x[i]!) < value) continue;
        indices[at] = i;
        values[at++] = x[i]!;
      }
      if (!values.every(Number.isFinite)) rejectNonFinite(`${id}.encode`, x);
      return { codec: id, shape, bytes };
    },
    decode(payload, out) {
      const k = Math.floor(payload.bytes.length / 8);
      checkPayload(id, payload, out, 8 * k);
      scatter(id, uint32sIn(payload.bytes, 4 * k, k), floatsIn(payload.bytes, 0, k), out);
    },
    stateBytes: () => 0,
  };
}

/** Options of {@link randomK}. */
export interface RandomKOptions extends RatioOptions {
  /** Multiplies what is sent by n / k, so that its mean is x. Without it, use error feedback; never both. @defaultValue `false` */
  readonly unbiased?: boolean;
  /** Format in which values travel. @defaultValue `fp32()` */
  readonly format?: ElementCodec;
}

/** A codec whose payloads of all ranks hold the same positions. */
export interface RandomKCodec extends LinearCodec {
  readonly aggregation: 'linear';
  readonly isUnbiased: boolean;
  /** The same options, with values in another format. */
  withFormat(format: ElementCodec): RandomKCodec;
}

/**
 * Keeps k = max(1, ⌊ratio · n⌋) random entries, drawn without replacement: only their values travel, 4k bytes.
 *
 * Positions come from the generator that `encode` gets; ranks that pass equal ones can sum their payloads.
 *
 * @throws {@link OptionError} if `ratio` is outside (0, 1]
 */
export function randomK(options: RandomKOptions = {}): RandomKCodec {
  const { ratio = 0.01, unbiased = false, format = fp32() } = options;
  const id = 'randomK';
  checkRatio(id, ratio);
  const bytesFor = (n: number) => format.bytesPerElement * keptOf(ratio, n);
  const pick = (x: Float32Array, positions: Uint32Array) => {
    const scale = unbiased ? x.length / positions.length : 1;
    return Float32Array.from(positions, (i) => x[i]! * scale);
  };
  return {
    id,
    aggregation: 'linear',
    isUnbiased: unbiased,
    withFormat: (other) => randomK({ ...options, format: other }),
    payloadBytes: (shape) => bytesFor(elementsOf(shape)),
    encode(x, shape, key, rng): Payload {
      checkInput(id, x, shape);
      const values = pick(x, drawPositions(x.length, keptOf(ratio, x.length), rng));
      return { codec: id, shape, bytes: format.encode(values, [values.length], key, rng).bytes, draw: rng.key };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, bytesFor(out.length));
      if (!payload.draw) throw new DataError(`${id}.decode: header must hold the key of the positions, got none`);
      const positions = drawPositions(out.length, keptOf(ratio, out.length), new Rng(payload.draw));
      const values = new Float32Array(positions.length);
      format.decode({ codec: format.id, shape: [values.length], bytes: payload.bytes }, values);
      scatter(id, positions, values, out);
    },
    allReduce(parts, network) {
      const picked = parts.map(({ key, y }) => {
        const positions = drawPositions(y.length, keptOf(ratio, y.length), network.rng(key));
        return { positions, values: pick(y, positions) };
      });
      picked.forEach(({ positions, values }, i) => {
        const { sent } = parts[i]!;
        if (sent) scatter(id, positions, values, sent);
      });
      network.sum(
        picked.map((p) => p.values),
        format,
      );
      picked.forEach(({ positions, values }, i) => {
        divide(values, network.size);
        scatter(id, positions, values, parts[i]!.mean);
      });
    },
    stateBytes: () => 0,
  };
}

function checkRatio(id: string, ratio: number): void {
  if (!(ratio > 0 && ratio <= 1)) throw new OptionError(id, 'ratio', ratio, 'in (0, 1]');
}

function scatter(id: string, indices: Uint32Array, values: Float32Array, out: Float32Array): void {
  out.fill(0);
  for (let j = 0; j < indices.length; j++) {
    const i = indices[j]!;
    if (i >= out.length) throw new ShapeError(`${id}.decode`, `position ${j}`, [i], `[< ${out.length}]`);
    out[i] = values[j]!;
  }
}
