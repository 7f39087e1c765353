/**
 * Seconds, bytes and memory of one step from counted loads: link time is latency + bytes / bandwidth of the busiest port,
 * compute is work over measured rates. A model; figures from it are simulated.
 */
import type { ClusterSpec, LinkSpec } from '@strata-ml/core';
import { exchangeWidths, type ResolvedGnnSpec } from '@strata-ml/models';
import type { RankLoad } from './RankLoad.js';

/** How fast a device computes, and how many compute at once. */
export interface ComputeRates {
  /** Multiply-adds of dense products per second. */
  readonly denseMacsPerS: number;
  /** Floats that sparse products read per second. */
  readonly sparseFloatsPerS: number;
  /** Devices that run at the same time; more share what there is. */
  readonly parallelDevices: number;
  /** Measured over modelled compute seconds of a run that was timed. @defaultValue `1` */
  readonly scale?: number;
}

/** A predicted epoch. */
export interface Prediction {
  readonly epochSeconds: number;
  readonly parts: {
    readonly compute: number;
    readonly intra: number;
    readonly inter: number;
    readonly gradient: number;
  };
  readonly intraBytesPerEpoch: number;
  readonly interBytesPerEpoch: number;
  /** Features fetched before the first epoch (between servers), payload bytes. */
  readonly setupInterBytes: number;
  /** Bytes that each device needs. */
  readonly deviceBytes: readonly number[];
}

/** What a prediction is made from. */
export interface PredictInput {
  readonly spec: ResolvedGnnSpec;
  readonly cluster: ClusterSpec;
  readonly serverOf: readonly number[];
  readonly rates: ComputeRates;
  readonly parameters: number;
  /** Mean stored numbers of a feature row: F₀, or two per entry where features are sparse. */
  readonly featureNumbers: number;
  readonly hasSparseFeatures: boolean;
  /** Raw features of halo rows travel in every epoch. */
  readonly featuresEveryEpoch: boolean;
  /** Fetched features are fetched again in every step. */
  readonly fetchesEveryStep: boolean;
  readonly stepsPerEpoch: number;
  /** Measured over modelled bytes of a device. @defaultValue `1` */
  readonly memoryScale?: number;
}

/** Tensors that are kept per row and layer for the backward pass: two products, norm, activation, dropout. */
const SAVED_PER_ROW = 4.25;

/** Predicts an epoch. (GraNNDis, PACT 2024, arXiv:2311.06837, with bytes counted instead of estimated.) */
export function predictStep(loads: readonly RankLoad[], input: PredictInput): Prediction {
  const { spec, cluster, serverOf, rates, parameters, stepsPerEpoch, fetchesEveryStep } = input;
  const widths = [...exchangeWidths(spec)];
  const hasEncoder = spec.model === 'resSage';
  const ranks = loads.length;
  const scale = rates.scale ?? 1;
  let intra = 0;
  let inter = 0;
  let intraBytes = 0;
  let interBytes = 0;
  const add = (from: readonly Int32Array[], bytesPerRow: number, hidden: number) => {
    if (bytesPerRow === 0) return;
    const time = linkSeconds(from, bytesPerRow, cluster, serverOf);
    const visible = Math.max(0, time.intra + time.inter - hidden) / Math.max(1e-12, time.intra + time.inter);
    intra += visible * time.intra;
    inter += visible * time.inter;
    intraBytes += time.intraBytes;
    interBytes += time.interBytes;
  };
  const own = new Float64Array(ranks).fill((UPDATE_PASSES * parameters) / rates.sparseFloatsPerS);
  for (let l = 0; l < spec.layers; l++) {
    const from = loads.map((load) => load.layers[l]!.haloFrom);
    const forward = l > 0 || hasEncoder || input.featuresEveryEpoch;
    const backward = l > 0 || hasEncoder;
    // While rows travel, sums that need none of them are computed: taken as half of them.
    const sums = Math.min(
      ...loads.map((load) => (scale * load.layers[l]!.edges * spec.hidden) / rates.sparseFloatsPerS),
    );
    add(from, 4 * widths[l]! * (forward ? 1 : 0), sums / 2);
    add(from, 4 * widths[l]! * (backward ? 1 : 0), sums / 2);
    loads.forEach((load, rank) => {
      own[rank]! += layerSeconds(load, l, input);
    });
  }
  if (fetchesEveryStep)
    add(
      loads.map((load) => load.fetchedFrom),
      4 * spec.inputWidth,
      0,
    );
  // Gradients of later layers travel while the first layer's are computed, which come last.
  const late = Math.min(parameters, firstLayerParameters(spec));
  const early = gradientSeconds(parameters - late, cluster, serverOf);
  const firstBackward = scale * Math.min(...loads.map((load) => layerSeconds(load, 0, input) / 2));
  const gradient = ranks > 1 ? gradientSeconds(late, cluster, serverOf) + Math.max(0, early - firstBackward) : 0;
  const compute = scale * shared(own, rates.parallelDevices);
  // A device that waits leaves its core to one that shares it, and one with less to compute sends earlier: waits cost nothing
  // up to the time that the mean device has left.
  const slack = compute - (scale * own.reduce((sum, s) => sum + s, 0)) / ranks;
  const waits = intra + inter + gradient;
  const felt = waits === 0 ? 0 : Math.max(0, waits - slack) / waits;
  const setupRows = loads.reduce(
    (sum, { fetchedFrom }, p) => sum + fetchedFrom.reduce((s, n, q) => s + (serverOf[p] === serverOf[q] ? 0 : n), 0),
    0,
  );
  const parts = {
    compute: compute * stepsPerEpoch,
    intra: felt * intra * stepsPerEpoch,
    inter: felt * inter * stepsPerEpoch,
    gradient: felt * gradient * stepsPerEpoch,
  };
  return {
    epochSeconds: parts.compute + parts.intra + parts.inter + parts.gradient,
    parts,
    intraBytesPerEpoch: intraBytes * stepsPerEpoch,
    interBytesPerEpoch: interBytes * stepsPerEpoch,
    setupInterBytes: fetchesEveryStep ? 0 : 4 * spec.inputWidth * setupRows,
    deviceBytes: loads.map((load) => deviceBytes(load, input)),
  };
}

/** M = 4·[features + saved rows + halo rows] + 4·(2·edges + 2·rows) + 16·parameters, times a measured factor. */
export function deviceBytes(
  load: RankLoad,
  {
    spec,
    parameters,
    featureNumbers,
    memoryScale = 1,
  }: Pick<PredictInput, 'spec' | 'parameters' | 'featureNumbers' | 'memoryScale'>,
): number {
  const widths = exchangeWidths(spec);
  let numbers = load.featureRows * featureNumbers;
  load.layers.forEach(({ rowsOut, haloFrom }, l) => {
    const isLast = l === spec.layers - 1 && spec.finalLinearLayers === 0 && spec.model !== 'resSage';
    const out = isLast ? spec.numClasses : spec.hidden;
    numbers += SAVED_PER_ROW * rowsOut * out + haloFrom.reduce((sum, n) => sum + n, 0) * widths[l]!;
  });
  const edges = Math.max(0, ...load.layers.map((layer) => layer.edges));
  return memoryScale * (4 * numbers + 4 * (2 * edges + 2 * load.featureRows) + 16 * parameters);
}

/** Passes over a row of a layer besides its products: bias, norm, activation, dropout, sums, and their gradients. */
const ROW_PASSES = 30;
/** Passes over a halo row: packed, moved and unpacked, forward and backward. */
const HALO_PASSES = 8;
/** Passes over the parameters in a step: gathering gradients, summing them, Adam. */
const UPDATE_PASSES = 16;

/** Compute of a layer, forward and backward, on a device of its own. */
function layerSeconds(load: RankLoad, l: number, input: PredictInput): number {
  const { spec, rates, featureNumbers, hasSparseFeatures } = input;
  const { rowsIn, rowsOut, edges, haloFrom } = load.layers[l]!;
  const halo = haloFrom.reduce((sum, n) => sum + n, 0);
  const hasEncoder = spec.model === 'resSage';
  const isRaw = l === 0 && !hasEncoder;
  const isLast = l === spec.layers - 1 && spec.finalLinearLayers === 0 && !hasEncoder;
  const out = isLast ? spec.numClasses : spec.hidden;
  const isPair = spec.model !== 'gcn' && spec.model !== 'gat';
  // Products with raw features have no gradient of their input; entries of sparse ones are read like those of a graph.
  const raw = (rows: number, width: number) =>
    2 *
    (hasSparseFeatures
      ? ((rows * featureNumbers) / 2) * (width / rates.sparseFloatsPerS)
      : (rows * featureNumbers * width) / rates.denseMacsPerS);
  let seconds = (2 * edges * (isRaw ? out : spec.hidden)) / rates.sparseFloatsPerS;
  // Raw features are projected before they are summed, hidden rows after.
  if (isRaw) seconds += raw(rowsIn + halo + (isPair ? rowsOut : 0), out);
  else seconds += (3 * (isPair ? 2 : 1) * rowsOut * spec.hidden * out) / rates.denseMacsPerS;
  if (l === 0 && hasEncoder) seconds += raw(rowsIn, spec.hidden);
  const width = isRaw ? (input.featuresEveryEpoch ? spec.inputWidth / 2 : 0) : spec.hidden;
  const moved = HALO_PASSES * halo * width;
  return seconds + (ROW_PASSES * rowsOut * out + moved) / rates.sparseFloatsPerS;
}

/** Parameters whose gradient comes last. */
function firstLayerParameters({ model, inputWidth, hidden }: ResolvedGnnSpec): number {
  return (model === 'sage' ? 2 : 1) * (inputWidth + 1) * hidden;
}

/** Devices beyond those that run at once wait their turn. */
function shared(seconds: ArrayLike<number>, parallel: number): number {
  const list = Array.from(seconds);
  const total = list.reduce((sum, s) => sum + s, 0);
  return Math.max(...list, total / Math.max(1, parallel));
}

/** Busiest port of each class: devices have one for their server, servers one for the others, full duplex. */
function linkSeconds(
  from: readonly Int32Array[],
  bytesPerRow: number,
  { intraLink, interLink }: ClusterSpec,
  serverOf: readonly number[],
) {
  const servers = Math.max(...serverOf) + 1;
  const ports = {
    intraOut: new Float64Array(from.length),
    intraIn: new Float64Array(from.length),
    interOut: new Float64Array(servers),
    interIn: new Float64Array(servers),
  };
  let intraBytes = 0;
  let interBytes = 0;
  from.forEach((rows, p) => {
    rows.forEach((count, q) => {
      const bytes = count * bytesPerRow;
      if (serverOf[p] === serverOf[q]) {
        ports.intraIn[p]! += bytes;
        ports.intraOut[q]! += bytes;
        intraBytes += bytes;
      } else {
        ports.interIn[serverOf[p]!]! += bytes;
        ports.interOut[serverOf[q]!]! += bytes;
        interBytes += bytes;
      }
    });
  });
  return {
    intra: seconds(Math.max(...ports.intraIn, ...ports.intraOut), intraLink),
    inter: seconds(Math.max(...ports.interIn, ...ports.interOut), interLink),
    intraBytes,
    interBytes,
  };
}

function seconds(bytes: number, { bandwidthBytesPerS, latencyS }: LinkSpec): number {
  return bytes === 0 ? 0 : latencyS + bytes / bandwidthBytesPerS;
}

/** Hierarchical all-reduce: inside servers, then 2·(S − 1)/S of the parameters between them. */
function gradientSeconds(
  parameters: number,
  { intraLink, interLink }: ClusterSpec,
  serverOf: readonly number[],
): number {
  const servers = new Set(serverOf).size;
  const devices = serverOf.length / servers;
  const bytes = 4 * parameters;
  return (
    seconds(devices > 1 ? (2 * bytes * (devices - 1)) / devices : 0, intraLink) +
    seconds(servers > 1 ? (2 * bytes * (servers - 1)) / servers : 0, interLink)
  );
}
