/** PowerSGD: a matrix as the product of two thin ones, by one step of a subspace iteration that goes on from call to call. */
import { OptionError, type Rng } from '@strata-ml/core';
import { type Codec, checkInput, checkPayload, floatsIn, matrixOf } from './Codec.js';
import { type ElementCodec, fp32, rejectNonFinite } from './elementFormats.js';
import type { LinearCodec, Part, SumNetwork } from './linear.js';
import { divide } from './linear.js';
import { gaussian, multiplyFactors, orthonormalizeColumns, refreshColumns, timesLeft, timesRight } from './lowRank.js';

/** Options of {@link powerSgd}. */
export interface PowerSgdOptions {
  /** Columns of the factors; never more than the matrix has rows or columns. @defaultValue `4` */
  readonly rank?: number;
  /** Goes on from the right factor of the call before instead of a random one. @defaultValue `true` */
  readonly warmStart?: boolean;
  /** Makes the columns of the right factor orthonormal before it is used again. @defaultValue `true` */
  readonly orthonormalizeQ?: boolean;
  /** A matrix is worth it if it has more than `minRate` times the elements of its factors. @defaultValue `2` */
  readonly minRate?: number;
  /** Format in which factors travel. @defaultValue `fp32()` */
  readonly format?: ElementCodec;
}

/** A codec by low rank. */
export interface PowerSgdCodec extends LinearCodec {
  readonly aggregation: 'linear';
  /** True if tensors of this shape should be compressed: matrices whose factors are small enough. */
  isWorthIt(shape: readonly number[]): boolean;
  /** The same options, with factors in another format. */
  withFormat(format: ElementCodec): PowerSgdCodec;
  /** Right factors by key, float32 `[columns, rank]`. */
  state(): Readonly<Record<string, Float32Array>>;
  /** Goes on from {@link PowerSgdCodec.state}. */
  load(state: Readonly<Record<string, Float32Array>>): void;
}

/** True for codecs by low rank. */
export function isPowerSgd(codec: Codec): codec is PowerSgdCodec {
  return 'isWorthIt' in codec;
}

/**
 * PowerSGD for Y `[n, m]` (first dimension × rest): P = Y·Q, orthonormal columns, Q = Yᵀ·P, Ŷ = P·Qᵀ; 4·r·(n + m) bytes, with
 * r = min(rank, n, m).
 *
 * Alone (`encode`, `decode`) it sends both factors point to point. In a group P and Q are summed over ranks in turn, all
 * tensors of a call together: Ŷ approximates the mean, and the error of each rank is its own Y − Ŷ. Factors are float32.
 * Biased: use error feedback. Vogels, Karimireddy, Jaggi: "PowerSGD", NeurIPS 2019, arXiv:1905.13727. A column of P that depends
 * on the others becomes zeros, and starts from random numbers the next time.
 *
 * @throws {@link OptionError} if `rank` or `minRate` is out of range; {@link NonFiniteError} for NaN and infinities.
 */
export function powerSgd(options: PowerSgdOptions = {}): PowerSgdCodec {
  const { rank = 4, warmStart = true, orthonormalizeQ = true, minRate = 2, format = fp32() } = options;
  const id = 'powerSGD';
  if (!(Number.isInteger(rank) && rank >= 1)) throw new OptionError(id, 'rank', rank, 'a whole number ≥ 1');
  if (!(minRate > 0)) throw new OptionError(id, 'minRate', minRate, '> 0');
  const factors = new Map<string, Float32Array>();
  const rankOf = (n: number, m: number) => Math.min(rank, n, m);

  /** The right factor to start from. */
  function begin(key: string, m: number, r: number, rng: Rng): Float32Array {
    let q = warmStart ? factors.get(key) : undefined;
    if (q?.length === m * r) refreshColumns(q, m, r, rng.split('powerSGD', 'refresh'));
    else q = gaussian(m * r, rng.split('powerSGD'));
    orthonormalizeColumns(q, m, r);
    return q;
  }

  function end(key: string, q: Float32Array, m: number, r: number): void {
    if (!warmStart) return;
    const kept = q.slice();
    if (orthonormalizeQ) orthonormalizeColumns(kept, m, r);
    factors.set(key, kept);
  }

  const codec: PowerSgdCodec = {
    id,
    aggregation: 'linear',
    isWorthIt(shape) {
      if (shape.length < 2) return false;
      const [n, m] = matrixOf(shape);
      return (n + m) * rankOf(n, m) * minRate < n * m;
    },
    withFormat: (other) => powerSgd({ ...options, format: other }),
    payloadBytes(shape) {
      const [n, m] = matrixOf(shape);
      return format.bytesPerElement * rankOf(n, m) * (n + m);
    },
    encode(x, shape, key, rng) {
      checkInput(id, x, shape);
      const [n, m] = matrixOf(shape);
      const r = rankOf(n, m);
      const p = timesRight(x, n, m, begin(key, m, r, rng), r);
      orthonormalizeColumns(p, n, r);
      const q = timesLeft(x, n, m, p, r);
      if (!q.every(Number.isFinite)) rejectNonFinite(`${id}.encode`, x);
      end(key, q, m, r);
      const both = new Float32Array((n + m) * r);
      both.set(p);
      both.set(q, p.length);
      return { codec: id, shape, bytes: format.encode(both, [both.length], key, rng).bytes };
    },
    decode(payload, out) {
      const [n, m] = matrixOf(payload.shape);
      const r = rankOf(n, m);
      checkPayload(id, payload, out, codec.payloadBytes(payload.shape));
      const both = factorsOf(payload.bytes, (n + m) * r);
      multiplyFactors(both.subarray(0, n * r), n, both.subarray(n * r), m, r, out);
    },
    allReduce(parts, network) {
      const steps = parts.map((part) => {
        const [n, m] = matrixOf(part.shape);
        checkInput(id, part.y, part.shape);
        const r = rankOf(n, m);
        const q = begin(part.key, m, r, network.rng(part.key));
        return { part, n, m, r, p: timesRight(part.y, n, m, q, r) };
      });
      network.sum(
        steps.map((s) => s.p),
        format,
      );
      const rights = steps.map(({ part, n, m, r, p }) => {
        orthonormalizeColumns(p, n, r);
        return timesLeft(part.y, n, m, p, r);
      });
      network.sum(rights, format);
      for (const [i, { part, n, m, r, p }] of steps.entries()) finish(part, n, m, r, p, rights[i]!, network);
    },
    stateBytes: () => [...factors.values()].reduce((sum, q) => sum + q.byteLength, 0),
    state: () => Object.fromEntries([...factors].map(([key, q]) => [key, q.slice()])),
    load(state) {
      factors.clear();
      for (const [key, q] of Object.entries(state)) factors.set(key, q.slice());
    },
  };

  function factorsOf(bytes: Uint8Array, count: number): Float32Array {
    if (format.id === 'fp32') return floatsIn(bytes, 0, count);
    const both = new Float32Array(count);
    format.decode({ codec: format.id, shape: [count], bytes }, both);
    return both;
  }

  function finish(
    part: Part,
    n: number,
    m: number,
    r: number,
    p: Float32Array,
    q: Float32Array,
    network: SumNetwork,
  ): void {
    divide(q, network.size);
    if (!q.every(Number.isFinite)) rejectNonFinite(`${id}.allReduce`, part.y.every(Number.isFinite) ? q : part.y);
    end(part.key, q, m, r);
    multiplyFactors(p, n, q, m, r, part.mean);
    part.sent?.set(part.mean);
  }

  return codec;
}
