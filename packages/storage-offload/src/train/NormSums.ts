/**
 * Batch norm over partitions, exact: the sums that a cluster would all-reduce are formed partition by partition before
 * the step that needs them, and handed to `batchNorm` of `@strata-ml/models` where it asks for them.
 */
import type { GnnModel } from '@strata-ml/models';
import type { TrainedStage } from './ModelStages.js';
import type { Step } from './schedule.js';

/** Sums of one epoch by stage. */
export class NormSums {
  readonly #model: GnnModel;
  readonly #widths: readonly number[];
  /** Σx, then Σx² of the rows that enter a stage. */
  readonly #statistics = new Map<number, Float64Array>();
  /** Σdy, then Σdy·x̂. */
  readonly #gradients = new Map<number, Float64Array>();
  readonly #moved = new Set<number>();
  #phase: Step['kind'] = 'forward';

  constructor(model: GnnModel, widths: readonly number[]) {
    this.#model = model;
    this.#widths = widths;
  }

  /** Forgets the last epoch. */
  begin(): void {
    this.#statistics.clear();
    this.#gradients.clear();
    this.#moved.clear();
  }

  /** Adds rows that will enter `stage`. */
  add(stage: number, rows: Float32Array, width: number): void {
    const sums = this.#sums(this.#statistics, stage);
    for (let at = 0; at < rows.length; at += width) {
      for (let c = 0; c < width; c++) {
        const value = rows[at + c]!;
        sums[c]! += value;
        sums[width + c]! += value * value;
      }
    }
  }

  /** What answers `allReduceSum` in one step of a stage: first the statistics, then the sums of the gradient. */
  exchange(stage: number): (sums: Float64Array) => void {
    let calls = 0;
    return (sums) => {
      if (calls++ === 0) sums.set(this.#sums(this.#statistics, stage));
      else if (this.#phase === 'norm-sums') {
        const total = this.#sums(this.#gradients, stage);
        for (let i = 0; i < sums.length; i++) total[i]! += sums[i]!;
      } else sums.set(this.#sums(this.#gradients, stage));
    };
  }

  /**
   * Running statistics move once a stage and epoch, however often partitions are computed: the function it returns,
   * called after the step, undoes what repeated steps did.
   */
  guard({ kind, stage }: Step, training: boolean, { hasBatchNorm }: TrainedStage): () => void {
    this.#phase = kind;
    if (!training || !hasBatchNorm) return () => {};
    if (!this.#moved.has(stage)) {
      this.#moved.add(stage);
      return () => {};
    }
    const before = this.#model.state().map(({ data }) => data.slice());
    return () => {
      for (const [i, { data }] of this.#model.state().entries()) data.set(before[i]!);
    };
  }

  #sums(of: Map<number, Float64Array>, stage: number): Float64Array {
    let sums = of.get(stage);
    if (!sums) {
      sums = new Float64Array(2 * this.#widths[stage]!);
      of.set(stage, sums);
    }
    return sums;
  }
}
