/**
 * Gradient all-reduce in buckets, begun while the backward pass still runs.
 *
 * Li et al.: "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB 2020, arXiv:2006.15704, §3.2.
 */
import { OptionError } from '../errors.js';
import type { AllReduceAlgorithm, ProcessGroup, ReduceOp, Work } from './ProcessGroup.js';

/** Options of {@link GradientBuckets}. */
export interface GradientBucketsOptions {
  /** Bytes per bucket. @defaultValue `1048576` */
  readonly bucketBytes?: number | undefined;
  /** @defaultValue `'auto'` */
  readonly algorithm?: AllReduceAlgorithm | undefined;
  /** Label under which the bytes are counted. @defaultValue `'gradient'` */
  readonly phase?: string | undefined;
  /** @defaultValue `'sum'` */
  readonly op?: ReduceOp | undefined;
}

/**
 * A flat gradient that is all-reduced bucket by bucket.
 *
 * Buckets start from the end of the buffer, as backward makes the last layer first, and always in that order: a bucket
 * starts once all of it and of those behind it is `ready`, so ranks stay in step whatever order they report in.
 */
export class GradientBuckets {
  readonly #group: ProcessGroup;
  readonly #gradients: Float32Array;
  readonly #options: { phase: string; algorithm: AllReduceAlgorithm; op: ReduceOp };
  /** Bucket b holds [begin[b + 1], begin[b]): bucket 0 is the end of the buffer. */
  readonly #begin: number[];
  readonly #left: Int32Array;
  #works: Work[] = [];

  /**
   * @param gradients - float32 `[n]`, reduced in place
   * @throws {@link OptionError} if `bucketBytes` is less than 4.
   */
  constructor(group: ProcessGroup, gradients: Float32Array, options: GradientBucketsOptions = {}) {
    const { bucketBytes = 2 ** 20, algorithm = 'auto', phase = 'gradient', op = 'sum' } = options;
    if (!(bucketBytes >= 4)) throw new OptionError('GradientBuckets', 'bucketBytes', bucketBytes, 'at least 4');
    this.#group = group;
    this.#gradients = gradients;
    this.#options = { phase, algorithm, op };
    const size = Math.floor(bucketBytes / 4);
    this.#begin = [gradients.length];
    for (let end = gradients.length; end > 0; end -= size) this.#begin.push(Math.max(0, end - size));
    this.#left = new Int32Array(this.#begin.length - 1);
    this.#reset();
  }

  /** Number of buckets. */
  get count(): number {
    return this.#left.length;
  }

  /**
   * Says that the gradients in [begin, end) are final; starts the buckets that are complete by that. Each element must be
   * reported at most once between flushes.
   *
   * @throws {@link OptionError} if the range is outside the buffer, or reaches into a bucket that has started.
   */
  ready(begin: number, end: number): void {
    if (!(begin >= 0 && end >= begin && end <= this.#gradients.length)) {
      throw new OptionError(
        'GradientBuckets.ready',
        'range',
        `[${begin}, ${end})`,
        `within [0, ${this.#gradients.length})`,
      );
    }
    for (let b = 0; b < this.count; b++) {
      const overlap = Math.min(end, this.#begin[b]!) - Math.max(begin, this.#begin[b + 1]!);
      if (overlap <= 0) continue;
      if (overlap > this.#left[b]!) {
        throw new OptionError('GradientBuckets.ready', 'range', `[${begin}, ${end})`, 'reported once between flushes');
      }
      this.#left[b]! -= overlap;
    }
    while (this.#works.length < this.count && this.#left[this.#works.length] === 0) this.#startNext();
  }

  /** Starts what has not started, and blocks until all gradients are reduced. The buckets are then as new. */
  flush(): void {
    while (this.#works.length < this.count) this.#startNext();
    for (const work of this.#works) work.wait();
    this.#reset();
  }

  #startNext(): void {
    const b = this.#works.length;
    const bucket = this.#gradients.subarray(this.#begin[b + 1]!, this.#begin[b]!);
    this.#works.push(this.#group.allReduceAsync(bucket, this.#options));
  }

  #reset(): void {
    this.#works = [];
    for (let b = 0; b < this.#left.length; b++) this.#left[b] = this.#begin[b]! - this.#begin[b + 1]!;
  }
}
