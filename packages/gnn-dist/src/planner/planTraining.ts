/**
 * Chooses how to train: counts what every mode would compute, send and keep on this partition, predicts time and memory,
 * and picks the first that fits in the order exact, sampled full-graph, mini-batch. (GraNNDis, PACT 2024, A.2.5.)
 */
import { formatBytes, OptionError, placeRank, worldSizeOf } from '@strata-ml/core';
import type { GraphData } from '../data.js';
import { makeGraphView, vertexMask } from '../graphView.js';
import { resolveTrainOptions, type TrainOptions } from '../options.js';
import { makePartition } from '../partitioning.js';
import { type CoarsePrediction, fitAlpha, predictCoarse } from './coarse.js';
import { measureComputeRates } from './computeRates.js';
import { countParameters } from './countParameters.js';
import { numbersPerRow } from './MemoryPlanner.js';
import { cobLoads, easLoads, flxLoads } from './modeLoads.js';
import { type ComputeRates, type PredictInput, type Prediction, predictStep } from './predictStep.js';
import { fullGraphLoads, type LoadInput, type RankLoad } from './RankLoad.js';

/** Options of {@link planTraining}. */
export interface PlanOptions extends TrainOptions {
  /** How fast devices compute. @defaultValue measured on this machine */
  readonly rates?: ComputeRates;
  /** Measured over modelled bytes of a device. @defaultValue `1` */
  readonly memoryScale?: number;
}

/** One way to train, with what it is predicted to cost. */
export interface PlanAlternative extends Prediction {
  /** As printed, e.g. `flx k=2`. */
  readonly name: string;
  /** What {@link trainGnn} takes. */
  readonly options: Pick<TrainOptions, 'mode' | 'flx' | 'eas' | 'cob'>;
  /** Results equal those of one device. */
  readonly isExact: boolean;
  /** Every device has room. */
  readonly fits: boolean;
  readonly stepsPerEpoch: number;
}

/** A plan: all alternatives, the chosen one and why. */
export interface TrainPlan {
  readonly alternatives: readonly PlanAlternative[];
  readonly chosen: PlanAlternative | undefined;
  readonly reason: string;
  /** Vertices that the servers hold with j preloaded hops, j = 0 … layers; summed over servers. */
  readonly rowsByHops: readonly number[];
  /** Growth per layer is meanDegree ** alpha. */
  readonly alpha: number;
  readonly coarse: CoarsePrediction;
  readonly rates: ComputeRates;
}

/**
 * Plans a run without starting it: partitions, counts, predicts. Figures are simulated; `rates` may be measured.
 *
 * @throws {@link OptionError} for options that `trainGnn` would refuse too.
 */
export async function planTraining(data: GraphData, options: PlanOptions = {}): Promise<TrainPlan> {
  const { rates: given, memoryScale = 1, ...train } = options;
  if (!(memoryScale > 0)) throw new OptionError('planTraining', 'memoryScale', memoryScale, 'above 0');
  const { resolved, spec } = resolveTrainOptions({ ...train, mode: 'full-graph' }, data);
  const { cluster, haloFeatures, inductive, seed } = resolved;
  const { partOf } = makePartition(data, resolved);
  const n = data.graph.numVertices;
  const view = inductive ? makeGraphView(data.graph, vertexMask(n, data.split.train)) : makeGraphView(data.graph);
  const load: LoadInput = {
    graph: view.graph,
    partOf,
    worldSize: worldSizeOf(cluster),
    ...(view.include ? { include: view.include } : {}),
  };
  const rates = given ?? (await measureComputeRates(spec.hidden));
  const serverOf = Array.from({ length: load.worldSize }, (_, rank) => placeRank(cluster, rank).server);
  const base: Omit<PredictInput, 'stepsPerEpoch' | 'fetchesEveryStep'> = {
    spec,
    cluster,
    serverOf,
    rates,
    memoryScale,
    parameters: countParameters(spec),
    featureNumbers: numbersPerRow(data),
    hasSparseFeatures: data.features.kind === 'csr',
    featuresEveryEpoch: haloFeatures !== 'once',
  };
  const budget = cluster.deviceMemoryBytes ?? Number.POSITIVE_INFINITY;
  const alternatives: PlanAlternative[] = [];
  const add = (
    name: string,
    loads: readonly RankLoad[],
    chosen: PlanAlternative['options'],
    isExact: boolean,
    steps = 0,
  ): PlanAlternative => {
    const stepsPerEpoch = Math.max(1, steps);
    const prediction = predictStep(loads, { ...base, stepsPerEpoch, fetchesEveryStep: steps > 0 });
    const fits = prediction.deviceBytes.every((bytes) => bytes <= budget);
    const made = { name, options: chosen, isExact, fits, stepsPerEpoch, ...prediction };
    alternatives.push(made);
    return made;
  };

  const L = spec.layers;
  add('full-graph', fullGraphLoads(load, L), { mode: 'full-graph' }, true);
  let rowsByHops: number[] = [];
  for (let k = 1; k <= L; k++) {
    const counted = flxLoads(load, cluster, L, k);
    rowsByHops = counted.rowsByHops;
    add(`flx k=${k}`, counted.loads, { mode: 'flx', flx: { preloadHops: k } }, true);
  }
  const { hops = 1, fanout = 15, select = 'gain' } = options.eas ?? {};
  const eas = { hops, fanout, select };
  const easRows = easLoads(load, cluster, L, { ...eas, seed });
  add(`flx-eas h=${hops} f=${fanout}`, easRows, { mode: 'flx-eas', eas }, false);
  for (const sampler of ['eas', 'sage'] as const) {
    let steps = Math.max(1, Math.ceil(data.split.train.length / (1024 * load.worldSize)));
    const fanout = options.cob?.fanout ?? 25;
    for (;;) {
      const loads = cobLoads(load, cluster, {
        graph: view.graph,
        ...(view.include ? { include: view.include } : {}),
        partOf,
        train: data.split.train,
        outDegrees: view.outDegrees,
        devicesPerServer: cluster.devicesPerServer,
        layers: L,
        seed,
        sampler,
        itersPerEpoch: steps,
        seeds: 'global',
        fanout,
        eas,
      });
      const cob = { sampler, itersPerEpoch: steps, fanout };
      const made = add(`cob ${sampler} × ${steps}`, loads, { mode: 'cob', cob }, false, steps);
      // Smaller batches until one fits, or a batch is one vertex per server.
      if (made.fits || steps * cluster.devicesPerServer.length >= data.split.train.length) break;
      steps *= 2;
    }
  }

  const included = view.numIncluded;
  const meanDegree = view.inDegrees.reduce((sum, d) => sum + d, 0) / Math.max(1, included);
  const alpha = fitAlpha(rowsByHops, meanDegree);
  const { chosen, reason } = choose(alternatives, L, budget);
  const coarse = predictCoarse({
    vertices: included,
    meanDegree,
    layers: L,
    servers: cluster.devicesPerServer.length,
    devicesPerServer: load.worldSize / cluster.devicesPerServer.length,
    verticesPerS:
      included / Math.max(1e-12, alternatives[0]!.parts.compute * Math.min(load.worldSize, rates.parallelDevices)),
    intraRowsPerS: cluster.intraLink.bandwidthBytesPerS / (4 * spec.hidden),
    interRowsPerS:
      (cluster.interLink.bandwidthBytesPerS * cluster.devicesPerServer.length) / (4 * spec.hidden * load.worldSize),
    alpha,
    easGrowth: easRows.reduce((sum, r) => sum + r.featureRows, 0) / Math.max(1, included),
  });
  return { alternatives, chosen, reason, rowsByHops, alpha, coarse, rates };
}

/** FLX(k = L) if it fits; else FLX(k) or FLX-EAS by time; else the fastest mini-batch. Full-graph where it is faster. */
function choose(alternatives: readonly PlanAlternative[], layers: number, budget: number) {
  const fitting = alternatives.filter((a) => a.fits);
  const fastest = (list: readonly PlanAlternative[]) =>
    list.reduce<PlanAlternative | undefined>(
      (best, a) => (best && best.epochSeconds <= a.epochSeconds ? best : a),
      undefined,
    );
  const room = budget === Number.POSITIVE_INFINITY ? 'no memory budget was given' : `${formatBytes(budget)} per device`;
  const exact = fitting.filter((a) => a.isExact);
  const whole = exact.find((a) => a.options.flx?.preloadHops === layers);
  if (whole) {
    const best = fastest(exact)!;
    return best === whole
      ? { chosen: whole, reason: `exact, everything that a server depends on fits (${room})` }
      : { chosen: best, reason: `exact, and faster than full preloading on these links (${room})` };
  }
  const partial = fastest(fitting.filter((a) => a.options.mode !== 'cob'));
  if (partial) return { chosen: partial, reason: `full preloading does not fit (${room}); the fastest of what does` };
  const batch = fastest(fitting);
  if (batch) return { chosen: batch, reason: `no full-graph mode fits (${room}); the fastest mini-batch mode` };
  return { chosen: undefined, reason: `nothing fits (${room}); use more devices or narrower layers` };
}
