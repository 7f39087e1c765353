/** Codecs that send one bit an element. */
import { OptionError } from '@strata-ml/core';
import { moments, packedBytes, packSignsInto, unpackSignsInto } from '@strata-ml/kernels';
import { type Aggregation, checkInput, checkPayload, elementsOf, type FixedSizeCodec, floatsIn } from './Codec.js';
import { rejectNonFinite } from './elementFormats.js';

/** The two numbers that the bits stand for: what a 1 is, and what a 0 is. */
interface Levels {
  readonly positive: number;
  readonly negative: number;
}

/** How many of the two numbers travel: none (±1), one (±scale) or both. */
type LevelCount = 0 | 1 | 2;

function signCodec(
  id: string,
  aggregation: Aggregation,
  count: LevelCount,
  levelsOf: (x: Float32Array) => Levels,
  prepare?: { input(x: Float32Array, key: string): Float32Array; stateBytes(): number },
): FixedSizeCodec {
  const bytesFor = (n: number) => packedBytes(n, 1) + 4 * count;
  return {
    id,
    aggregation,
    payloadBytes: (shape) => bytesFor(elementsOf(shape)),
    encode(x, shape, key) {
      checkInput(id, x, shape);
      const y = prepare ? prepare.input(x, key) : x;
      const bytes = new Uint8Array(bytesFor(y.length));
      const { positive, negative } = levelsOf(y);
      if (!Number.isFinite(positive) || !Number.isFinite(negative)) rejectNonFinite(`${id}.encode`, y);
      const levels = new Float32Array(bytes.buffer, 0, count);
      if (count > 0) levels[0] = positive;
      if (count > 1) levels[1] = negative;
      packSignsInto(y, bytes.subarray(4 * count));
      return { codec: id, shape, bytes };
    },
    decode(payload, out) {
      checkPayload(id, payload, out, bytesFor(out.length));
      const levels = floatsIn(payload.bytes, 0, count);
      const positive = count > 0 ? levels[0]! : 1;
      unpackSignsInto(payload.bytes.subarray(4 * count), positive, count > 1 ? levels[1]! : -positive, out);
    },
    stateBytes: () => prepare?.stateBytes() ?? 0,
  };
}

/**
 * signSGD with majority vote: ±1 for each element, 0 counts as +. ⌈n / 8⌉ bytes. The step is the learning rate times the sign.
 *
 * Bernstein et al.: "signSGD: Compressed Optimisation for Non-Convex Problems", ICML 2018, arXiv:1802.04434.
 */
export function signSgd(): FixedSizeCodec {
  return signCodec('signSGD', 'vote', 0, (x) => {
    // A NaN would vote minus in silence.
    const { squares } = moments(x);
    return Number.isNaN(squares) ? { positive: squares, negative: squares } : { positive: 1, negative: -1 };
  });
}

/** Options of {@link signum}. */
export interface SignumOptions {
  /** Weight of the past. @defaultValue `0.9` */
  readonly momentum?: number;
}

/**
 * Signum: signs of the momentum m ← β·m + (1 − β)·x, which each rank keeps for itself. ⌈n / 8⌉ bytes. (arXiv:1802.04434)
 *
 * @throws {@link OptionError} if `momentum` is outside [0, 1).
 */
export function signum({ momentum = 0.9 }: SignumOptions = {}): FixedSizeCodec {
  if (!(momentum >= 0 && momentum < 1)) throw new OptionError('signum', 'momentum', momentum, 'in [0, 1)');
  const averages = new Map<string, Float32Array>();
  return signCodec('signum', 'vote', 0, () => ({ positive: 1, negative: -1 }), {
    input(x, key) {
      let m = averages.get(key);
      if (m?.length !== x.length) {
        m = new Float32Array(x.length);
        averages.set(key, m);
      }
      if (!Number.isFinite(moments(x).squares)) rejectNonFinite('signum.encode', x);
      for (let i = 0; i < x.length; i++) m[i] = momentum * m[i]! + (1 - momentum) * x[i]!;
      return m;
    },
    stateBytes: () => [...averages.values()].reduce((sum, m) => sum + m.byteLength, 0),
  });
}

/**
 * EF-signSGD: (‖x‖₁ / n)·sign(x), for error feedback. ⌈n / 8⌉ + 4 bytes.
 *
 * Karimireddy et al.: "Error Feedback Fixes SignSGD and other Gradient Compression Schemes", ICML 2019, arXiv:1901.09847.
 */
export function efSign(): FixedSizeCodec {
  return signCodec('efSign', 'gather', 1, (x) => {
    const { positiveSum, negativeSum } = moments(x);
    const scale = x.length > 0 ? (positiveSum - negativeSum) / x.length : 0;
    return { positive: scale, negative: -scale };
  });
}

/**
 * 1-bit SGD: the mean of the elements ≥ 0 and the mean of the others. ⌈n / 8⌉ + 8 bytes. For error feedback.
 *
 * Seide et al.: "1-Bit Stochastic Gradient Descent", Interspeech 2014; one pair of means a tensor, not a column.
 */
export function oneBitSgd(): FixedSizeCodec {
  return signCodec('oneBitSGD', 'gather', 2, (x) => {
    const { positiveSum, negativeSum, positiveCount } = moments(x);
    const below = x.length - positiveCount;
    return {
      positive: positiveCount > 0 ? positiveSum / positiveCount : 0,
      negative: below > 0 ? negativeSum / below : 0,
    };
  });
}

/**
 * The code of 1-bit Adam: (‖x‖₂ / √n)·sign(x), averaged in two phases with an error memory on either side. ⌈n / 8⌉ + 4 bytes.
 *
 * Tang et al.: "1-bit Adam", ICML 2021, arXiv:2102.02888. Each part that a rank averages has its own scale.
 */
export function oneBit(): FixedSizeCodec {
  return signCodec('oneBit', 'twoPhase', 1, (x) => {
    const scale = x.length > 0 ? Math.sqrt(moments(x).squares / x.length) : 0;
    return { positive: scale, negative: -scale };
  });
}
