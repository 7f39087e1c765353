/** Averages gradients over replicas: compressed on the first stages, in a number format of choice on the others. */
import { parseCodec } from '../codecs/parseCodec.js';
import { isPowerSgd } from '../codecs/powerSgd.js';
import { type CompressionStats, GradientCompressor } from '../collectives/GradientCompressor.js';
import { allReduceSync } from '../dataParallel/gradientSync.js';
import { ErrorFeedback } from '../feedback/ErrorFeedback.js';
import type { GradientRegion, GradientSync } from '../train/hooks.js';
import type { OptimusConfig } from './OptimusConfig.js';

/** The gradient average of one rank. */
export class OptimusGradients implements GradientSync {
  readonly #isSelected: boolean;
  readonly #config: OptimusConfig;
  readonly #codec;
  readonly #feedback: ErrorFeedback | undefined;
  readonly #seed: number;
  #compressor: GradientCompressor | undefined;
  #last: CompressionStats | undefined;

  /** @param stage - of this rank */
  constructor(config: OptimusConfig, stage: number, seed: number) {
    const { selectiveStages, gradients = 'fp32' } = config;
    const stages = selectiveStages?.stages;
    this.#config = config;
    this.#isSelected = typeof stages === 'number' && stage < stages;
    this.#codec = parseCodec(this.#isSelected ? (selectiveStages?.codec ?? 'powersgd:128') : gradients);
    this.#feedback = this.#isSelected && selectiveStages?.errorFeedback !== false ? new ErrorFeedback() : undefined;
    this.#seed = seed;
  }

  /** What the last average took; undefined where nothing was compressed. */
  get lastStats(): CompressionStats | undefined {
    return this.#last;
  }

  average(region: GradientRegion): void {
    const { gradients, slots, group, iteration } = region;
    const startStep = this.#config.selectiveStages?.startStep ?? 1;
    if (group.size === 1) return;
    if (this.#codec.id === 'fp32' || (this.#isSelected && iteration < startStep)) {
      allReduceSync.average(region);
      return;
    }
    this.#compressor ??= new GradientCompressor(group, this.#codec, {
      feedback: this.#feedback ?? 'none',
      seed: this.#seed,
      // A number format takes vectors as well as matrices.
      compressAll: !this.#isSelected,
    });
    const tensors = slots.map(({ name, shape, begin }) => {
      const length = shape.reduce((n, d) => n * d, 1);
      return { key: name, shape, values: gradients.subarray(begin, begin + length) };
    });
    this.#last = this.#compressor.average(tensors, iteration);
  }

  state(): Readonly<Record<string, Float32Array>> {
    const factors = isPowerSgd(this.#codec) ? this.#codec.state() : {};
    return Object.fromEntries([
      ...Object.entries(this.#feedback?.state() ?? {}).map(([key, x]) => [`errors/${key}`, x] as const),
      ...Object.entries(factors).map(([key, x]) => [`factors/${key}`, x] as const),
    ]);
  }

  load(state: Readonly<Record<string, Float32Array>>): void {
    const of = (name: string) =>
      Object.fromEntries(
        Object.entries(state)
          .filter(([key]) => key.startsWith(`${name}/`))
          .map(([key, x]) => [key.slice(name.length + 1), x]),
      );
    this.#feedback?.load(of('errors'));
    if (isPowerSgd(this.#codec)) this.#codec.load(of('factors'));
  }
}
