/** The optimizer over a rank's flat parameters: weight decay for matrices only. */
import { createOptimizer, type Optimizer, type OptimizerSpec } from '@strata-ml/models';
import type { FlatParameters, ParameterSlot } from '../dataParallel/FlatParameters.js';

/** Moments of one parameter's part, by name: `m` and `v` of Adam. */
export type SlotMoments = Readonly<Record<string, Float32Array>>;

interface Run {
  readonly begin: number;
  end: number;
  readonly decay: boolean;
  readonly optimizer: Optimizer;
}

/** One optimizer for each run of neighbouring parameters that decay alike. */
export class SlotOptimizer {
  readonly #parameters: FlatParameters;
  readonly #runs: Run[] = [];

  constructor(parameters: FlatParameters, spec: OptimizerSpec) {
    this.#parameters = parameters;
    for (const { parameter, begin, end } of parameters.slots) {
      const last = this.#runs.at(-1);
      if (last?.decay === parameter.decay) last.end = end;
      else {
        const optimizer = createOptimizer(parameter.decay ? spec : { ...spec, weightDecay: 0 });
        this.#runs.push({ begin, end, decay: parameter.decay, optimizer });
      }
    }
  }

  /** Updates so far. */
  get steps(): number {
    return this.#runs[0]?.optimizer.state().step ?? 0;
  }

  /** Moves the values by their gradients. */
  step(learningRate: number): void {
    const { values, gradients } = this.#parameters;
    for (const { begin, end, optimizer } of this.#runs) {
      optimizer.lr = learningRate;
      optimizer.step(values.subarray(begin, end), gradients.subarray(begin, end));
    }
    this.#parameters.changed();
  }

  /** A slot's moments; none before the first step. */
  moments(slot: ParameterSlot): SlotMoments {
    const { begin, optimizer } = this.#runOf(slot);
    const { arrays } = optimizer.state();
    return Object.fromEntries(
      Object.entries(arrays).map(([name, data]) => [name, data.slice(slot.begin - begin, slot.end - begin)]),
    );
  }

  /** Continues from saved moments. */
  load(step: number, momentsOf: (slot: ParameterSlot) => SlotMoments): void {
    for (const { begin, end, optimizer } of this.#runs) {
      const arrays: Record<string, Float32Array> = {};
      for (const slot of this.#parameters.slots) {
        if (slot.begin < begin || slot.end > end) continue;
        for (const [name, data] of Object.entries(momentsOf(slot))) {
          arrays[name] ??= new Float32Array(end - begin);
          arrays[name].set(data, slot.begin - begin);
        }
      }
      optimizer.load({ step, arrays });
    }
  }

  #runOf(slot: ParameterSlot): Run {
    return this.#runs.find(({ begin, end }) => begin <= slot.begin && slot.end <= end)!;
  }
}
