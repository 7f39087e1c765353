/** Bytes that devices would need for a choice of a mode, by dry run: what modes with an `auto` option choose by. */
import type { ClusterSpec } from '@strata-ml/core';
import type { ResolvedGnnSpec } from '@strata-ml/models';
import type { GraphData } from '../data.js';
import type { BatchPlan } from '../sample/batch.js';
import type { GraphView } from '../train/payload.js';
import { countParameters } from './countParameters.js';
import { cobLoads, flxLoads } from './modeLoads.js';
import { deviceBytes } from './predictStep.js';
import type { LoadInput, RankLoad } from './RankLoad.js';

/** Answers what would fit. */
export class MemoryPlanner {
  readonly budgetBytes: number;
  readonly #input: LoadInput;
  readonly #view: GraphView;
  readonly #cluster: ClusterSpec;
  readonly #data: GraphData;
  readonly #facts: { readonly spec: ResolvedGnnSpec; readonly parameters: number; readonly featureNumbers: number };

  constructor(data: GraphData, view: GraphView, input: LoadInput, cluster: ClusterSpec, spec: ResolvedGnnSpec) {
    this.budgetBytes = cluster.deviceMemoryBytes ?? Number.POSITIVE_INFINITY;
    this.#data = data;
    this.#view = view;
    this.#input = input;
    this.#cluster = cluster;
    this.#facts = { spec, parameters: countParameters(spec), featureNumbers: numbersPerRow(data) };
  }

  /** True if every device has room for `flx` with k preloaded hops. */
  fitsFlx(k: number): boolean {
    return this.#fits(flxLoads(this.#input, this.#cluster, this.#facts.spec.layers, k).loads);
  }

  /** True if every device has room for a step of `cob`. */
  fitsCob(options: Pick<BatchPlan, 'sampler' | 'itersPerEpoch' | 'seeds' | 'fanout' | 'eas'>): boolean {
    const { spec } = this.#facts;
    const plan = {
      ...options,
      graph: this.#view.graph,
      ...(this.#view.include ? { include: this.#view.include } : {}),
      partOf: this.#input.partOf,
      train: this.#data.split.train,
      outDegrees: this.#view.outDegrees,
      devicesPerServer: this.#cluster.devicesPerServer,
      layers: spec.layers,
      seed: spec.seed,
    };
    return this.#fits(cobLoads(this.#input, this.#cluster, plan));
  }

  #fits(loads: readonly RankLoad[]): boolean {
    return loads.every((load) => deviceBytes(load, this.#facts) <= this.budgetBytes);
  }
}

/** Stored numbers of a feature row; a sparse entry counts twice, for its column. */
export function numbersPerRow({ features, numFeatures, graph }: GraphData): number {
  return features.kind === 'dense' ? numFeatures : (2 * features.csr.indices.length) / Math.max(1, graph.numVertices);
}
