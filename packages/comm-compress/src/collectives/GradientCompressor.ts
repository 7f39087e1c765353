/** Averages many tensors over a group through codecs: what compresses, what does not, and what was lost on the way. */
import { performance } from 'node:perf_hooks';
import { OptionError, type ProcessGroup, Rng } from '@strata-ml/core';
import type { Aggregation, Codec } from '../codecs/Codec.js';
import { type CodecSource, codecFor } from '../codecs/compose.js';
import { fp32 } from '../codecs/elementFormats.js';
import { divide, isLinear, type Part } from '../codecs/linear.js';
import { isPowerSgd } from '../codecs/powerSgd.js';
import { ErrorFeedback, type FeedbackKind } from '../feedback/ErrorFeedback.js';
import { averageByGather } from './gather.js';
import { checkLegal } from './legal.js';
import { averageByShares } from './twoPhase.js';
import { averageByVote } from './vote.js';
import { Wire } from './Wire.js';

/** A tensor to average: replaced in place. */
export interface NamedTensor {
  /** Its stream: errors and factors are kept under this name. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Options of {@link GradientCompressor}. */
export interface GradientCompressorOptions {
  /** A kind of error memory, or one that exists. @defaultValue `'none'` */
  readonly feedback?: FeedbackKind | 'none' | ErrorFeedback;
  /** Weight of the past in `momentumEf`. @defaultValue `0.9` */
  readonly momentum?: number;
  /** Instead of the codec's own. */
  readonly aggregation?: Aggregation;
  /** Steps before this one are not compressed. @defaultValue `1` */
  readonly startStep?: number;
  /** Compresses what else travels together as float32 too: vectors, and small matrices. @defaultValue `false` */
  readonly compressAll?: boolean;
  /** The same on all ranks. @defaultValue `1` */
  readonly seed?: number;
  /** Label under which bytes are counted. @defaultValue `'gradient'` */
  readonly phase?: string;
  /** Lets {@link ErrorFeedback.rollback} undo the errors of a skipped step. @defaultValue `false` */
  readonly canRollBack?: boolean;
}

/** What one averaging took. */
export interface CompressionStats {
  /** Bytes of all tensors as float32. */
  readonly rawBytes: number;
  /** Bytes that this rank's tensors became: payloads, and tensors that travel as they are. */
  readonly payloadBytes: number;
  /** Of them bytes of tensors that travel as they are. */
  readonly denseBytes: number;
  /** Seconds of encoding and decoding on this rank. */
  readonly codecSeconds: number;
  /** Seconds inside collectives. */
  readonly communicationSeconds: number;
}

/**
 * Averages tensors over the ranks of a group, compressed, with the same bits on all of them.
 *
 * Tensors of one dimension, and matrices too small for a low-rank codec to pay, travel together as float32. A `vote` gives
 * signs instead of a mean. Every rank must pass the same tensors in the same order.
 */
export class GradientCompressor {
  readonly #group: ProcessGroup;
  readonly #source: CodecSource;
  readonly #options: GradientCompressorOptions;
  readonly #phase: string;
  readonly #feedback: ErrorFeedback | undefined;
  readonly #checked = new WeakSet<Codec>();
  #step = 0;

  /** @throws {@link OptionError} if the codec, the aggregation and the feedback do not go together. */
  constructor(group: ProcessGroup, codec: CodecSource, options: GradientCompressorOptions = {}) {
    const { feedback = 'none', momentum, canRollBack, phase = 'gradient' } = options;
    this.#group = group;
    this.#source = codec;
    this.#options = options;
    this.#phase = phase;
    if (feedback instanceof ErrorFeedback) this.#feedback = feedback;
    else if (feedback !== 'none') {
      const memory = { ...(momentum === undefined ? {} : { momentum }), ...(canRollBack ? { canRollBack } : {}) };
      this.#feedback = new ErrorFeedback({ kind: feedback, ...memory });
    }
    if (typeof codec !== 'function') this.#check(codec);
  }

  /** What this rank has not sent yet; undefined without feedback. Roll it back after a step that was skipped. */
  get feedback(): ErrorFeedback | undefined {
    return this.#feedback;
  }

  /**
   * Replaces each tensor by its mean over the group. Collective; blocks until done.
   *
   * @param step - training step, from 1; by default one more than the last
   * @throws {@link NonFiniteError} if this rank's tensor holds NaN or infinity and the codec cannot code it.
   */
  average(tensors: readonly NamedTensor[], step = this.#step + 1): CompressionStats {
    const start = performance.now();
    this.#step = step;
    const wire = new Wire(this.#group, new Rng(this.#options.seed ?? 1).split('compress', step), this.#phase);
    const dense: Float32Array[] = [];
    const byCodec = new Map<Codec, NamedTensor[]>();
    for (const tensor of tensors) {
      const codec = this.#codecOf(tensor, step);
      if (!codec) dense.push(tensor.values);
      else if (!byCodec.get(codec)?.push(tensor)) byCodec.set(codec, [tensor]);
    }
    wire.sum(dense, fp32());
    for (const x of dense) divide(x, wire.size);
    const denseBytes = dense.reduce((sum, x) => sum + x.byteLength, 0);
    let payloadBytes = denseBytes;
    for (const [codec, list] of byCodec) payloadBytes += this.#averageWith(codec, list, wire);
    return {
      rawBytes: tensors.reduce((sum, t) => sum + t.values.byteLength, 0),
      payloadBytes,
      denseBytes,
      codecSeconds: (performance.now() - start) / 1000 - wire.seconds,
      communicationSeconds: wire.seconds,
    };
  }

  /** Undefined for tensors that travel as they are. */
  #codecOf({ key, shape }: NamedTensor, step: number): Codec | undefined {
    const { startStep = 1, compressAll = false } = this.#options;
    if (step < startStep || (shape.length < 2 && !compressAll)) return undefined;
    const codec = codecFor(this.#source, { key, shape, step });
    if (!compressAll && isPowerSgd(codec) && !codec.isWorthIt(shape)) return undefined;
    this.#check(codec);
    return codec;
  }

  #check(codec: Codec): void {
    if (this.#checked.has(codec)) return;
    checkLegal(codec, this.#options.aggregation ?? codec.aggregation, this.#feedback?.kind ?? 'none');
    this.#checked.add(codec);
  }

  #averageWith(codec: Codec, tensors: readonly NamedTensor[], wire: Wire): number {
    const parts: Part[] = tensors.map(({ key, shape, values }) => {
      const y = this.#feedback ? this.#feedback.compensate(key, values) : values.slice();
      return { key, shape, y, mean: values, ...(this.#feedback ? { sent: new Float32Array(y.length) } : {}) };
    });
    const bytes = this.#aggregate(codec, parts, wire);
    for (const { key, y, sent } of parts) if (sent) this.#feedback?.update(key, y, sent);
    return bytes;
  }

  #aggregate(codec: Codec, parts: readonly Part[], wire: Wire): number {
    const aggregation = this.#options.aggregation ?? codec.aggregation;
    if (aggregation === 'gather') return averageByGather(codec, parts, wire);
    if (aggregation === 'vote') return averageByVote(codec, parts, wire);
    if (aggregation === 'twoPhase') return averageByShares(codec, parts, wire, this.#feedback);
    if (!isLinear(codec)) throw new OptionError(codec.id, 'aggregation', aggregation, 'legal');
    codec.allReduce(parts, wire);
    return parts.reduce((sum, p) => sum + codec.payloadBytes(p.shape), 0);
  }
}
