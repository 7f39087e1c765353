/**
 * Flexible preloading: each server keeps copies of the vertices that k layers of its own vertices depend on, so that rows
 * cross servers only in layers above k, or once per segment. Exact for every k.
 *
 * GraNNDis (PACT 2024, arXiv:2311.06837), FLX. We differ in this: the edge set is exact instead of node-induced, switching
 * from the preloaded structure to the smaller one is a slice because own rows lead, and hidden rows may be preloaded
 * again in later segments.
 */
import { OptionError } from '@strata-ml/core';
import type { MaskKind } from '../server/serverStages.js';
import { maskKinds } from '../server/serverStages.js';
import { replicatedBytes, replicatedView } from './replicated.js';
import { defineMode } from './TrainingMode.js';

/** Options of mode `flx`. */
export interface FlxOptions {
  /**
   * Layers that run on preloaded rows, 0 … layers; 0 is vanilla training, `'auto'` the largest that the devices' memory
   * holds (all layers, if there is no budget). @defaultValue `'auto'`
   */
  readonly preloadHops?: number | 'auto';
  /**
   * Instead of `preloadHops`: lengths of segments that together cover all layers. Before each but the first the servers
   * exchange hidden rows once, as many hops as the segment is long.
   */
  readonly segments?: readonly number[];
  /** `'prefix'` computes only rows that count, `'zero'` all of them. @defaultValue `'prefix'` */
  readonly mask?: MaskKind;
}

/** {@link FlxOptions} with defaults. */
export interface ResolvedFlxOptions {
  readonly segments: readonly number[];
  /** Layers after the segments, with halo rows from their owners in each. */
  readonly vanillaLayers: number;
  readonly mask: MaskKind;
  /** The number of hops was left to the planner. */
  readonly isAuto: boolean;
}

/** The mode. */
export const flx = defineMode<ResolvedFlxOptions>({
  summary: 'servers keep copies of what their vertices depend on, exact',
  resolve({ flx = {} }, { spec }) {
    const where = 'trainGnn';
    const { preloadHops = 'auto', segments, mask = 'prefix' } = flx;
    if (!maskKinds.includes(mask)) throw new OptionError(where, 'flx.mask', mask, `one of ${maskKinds.join(', ')}`);
    if (segments) {
      const total = segments.reduce((sum, k) => sum + k, 0);
      if (segments.some((k) => !(Number.isInteger(k) && k >= 1)) || total !== spec.layers) {
        throw new OptionError(
          where,
          'flx.segments',
          segments,
          `whole numbers ≥ 1 that add up to ${spec.layers} layers`,
        );
      }
      return { segments, vanillaLayers: 0, mask, isAuto: false };
    }
    const k = preloadHops === 'auto' ? spec.layers : preloadHops;
    if (!(Number.isInteger(k) && k >= 0 && k <= spec.layers)) {
      throw new OptionError(
        where,
        'flx.preloadHops',
        preloadHops,
        `auto, or a whole number in 0 … ${spec.layers} (layers)`,
      );
    }
    return { ...hopsOption(k, spec.layers), mask, isAuto: preloadHops === 'auto' };
  },
  fit(options, planner) {
    if (!options.isAuto) return options;
    const layers = options.segments.reduce((sum, k) => sum + k, options.vanillaLayers);
    let k = layers;
    while (k > 0 && !planner.fitsFlx(k)) k--;
    return { ...options, ...hopsOption(k, layers) };
  },
  create(environment, options) {
    const replicated = replicatedView(environment, options);
    const { view, preload, facts } = replicated;
    return {
      stepsPerEpoch: 1,
      exactView: view,
      beginStep: () => view,
      endStep() {},
      expectedBytes: () => replicatedBytes(environment, replicated),
      expectedPreload: () => preload,
      facts: () => facts,
      dispose: () => view.context.dispose(),
    };
  },
});

function hopsOption(k: number, layers: number): Pick<ResolvedFlxOptions, 'segments' | 'vanillaLayers'> {
  return { segments: k > 0 ? [k] : [], vanillaLayers: layers - k };
}
