/**
 * Flexible preloading with expansion-aware sampling: servers copy few remote vertices, keep every edge inside, and train
 * all layers on what they have. No rows cross servers after set-up.
 *
 * GraNNDis (PACT 2024, arXiv:2311.06837), FLX-EAS. Copies stay active in every layer that an own vertex can see; their
 * rows are approximations behind the first layer. Degrees are those of the sampled graph.
 */
import { OptionError } from '@strata-ml/core';
import type { HaloBytes } from '../plan/traffic.js';
import { type EasSelection, expansionAwareSample, resolveEasSample } from '../sample/expansionAware.js';
import { inducedDegrees } from '../sample/sampledDegrees.js';
import { type MaskKind, maskKinds } from '../server/serverStages.js';
import { type ReplicatedView, replicatedBytes, replicatedView } from './replicated.js';
import { defineMode, type ModeEnvironment, type TrainingMode } from './TrainingMode.js';

/** Options of mode `flx-eas`. */
export interface EasOptions {
  /** How far copies may be from own vertices, h. @defaultValue `1` */
  readonly hops?: number;
  /** Remote vertices that one vertex may select, f. @defaultValue `15` */
  readonly fanout?: number;
  /** @defaultValue `'gain'` */
  readonly select?: EasSelection;
  /** Draw a new sample every so many epochs, at the border of epochs. @defaultValue never */
  readonly resampleEvery?: number;
  /** `'prefix'` computes only rows that an own vertex can still see, `'zero'` all of them. @defaultValue `'prefix'` */
  readonly mask?: MaskKind;
}

/** {@link EasOptions} with defaults; `resampleEvery` is 0 for never. */
export type ResolvedEasOptions = Required<EasOptions>;

/** The mode. */
export const flxEas = defineMode<ResolvedEasOptions>({
  summary: 'servers keep a few sampled copies and train without each other',
  resolve({ eas = {} }) {
    const where = 'trainGnn: eas';
    const { hops, fanout, select } = resolveEasSample(where, eas);
    const { resampleEvery = 0, mask = 'prefix' } = eas;
    if (!maskKinds.includes(mask)) throw new OptionError(where, 'mask', mask, `one of ${maskKinds.join(', ')}`);
    if (!(Number.isInteger(resampleEvery) && resampleEvery >= 0)) {
      throw new OptionError(where, 'resampleEvery', resampleEvery, 'a whole number ≥ 1, or 0 for never');
    }
    return { hops, fanout, select, resampleEvery, mask };
  },
  create: (environment, options) => new EasMode(environment, options),
});

class EasMode implements TrainingMode {
  readonly stepsPerEpoch = 1;
  readonly #environment: ModeEnvironment;
  readonly #options: ResolvedEasOptions;
  readonly #preload: HaloBytes;
  #view: ReplicatedView;
  #round = 0;

  constructor(environment: ModeEnvironment, options: ResolvedEasOptions) {
    this.#environment = environment;
    this.#options = options;
    this.#view = this.#build(0);
    this.#preload = this.#view.preload;
  }

  beginStep(epoch: number) {
    const { resampleEvery } = this.#options;
    const round = resampleEvery === 0 ? 0 : Math.floor((epoch - 1) / resampleEvery);
    if (round !== this.#round) {
      this.#environment.times.time('sampling', () => {
        this.#view.view.context.dispose();
        this.#view = this.#build(round);
      });
      this.#round = round;
    }
    return this.#view.view;
  }

  endStep(): void {}

  expectedBytes() {
    return replicatedBytes(this.#environment, this.#view);
  }

  expectedPreload() {
    return this.#preload;
  }

  facts() {
    return this.#view.facts;
  }

  dispose(): void {
    this.#view.view.context.dispose();
  }

  #build(round: number): ReplicatedView {
    const { payload } = this.#environment;
    const { spec, options: run, views } = payload;
    const { hops, fanout, select, mask } = this.#options;
    const { graph, include } = views.train;
    const seed = run.seed + 1_000_003 * round;
    return replicatedView(this.#environment, {
      segments: [spec.layers],
      vanillaLayers: 0,
      mask,
      sample: (inner) => {
        const sample = expansionAwareSample(graph, inner, {
          hops,
          fanout,
          select,
          seed,
          ...(include ? { include } : {}),
        });
        return { hopOf: sample.hopOf, hops };
      },
      degreesOf: ({ hopOf }) => inducedDegrees(graph, hopOf),
      preloadPhase: round === 0 ? 'preload' : 'sampling',
    });
  }
}
