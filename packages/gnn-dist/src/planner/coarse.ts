/**
 * The coarse performance model of GraNNDis (PACT 2024, arXiv:2311.06837): a few numbers in, seconds out, good for asking
 * which link speed makes which mode worth it. The printed formula for EAS has (P − 1) where the one for FLX has
 * (D − 1)/D; we take it for a misprint.
 */

/** What the coarse model knows. */
export interface CoarseInput {
  readonly vertices: number;
  /** Mean in-degree. */
  readonly meanDegree: number;
  readonly layers: number;
  readonly servers: number;
  readonly devicesPerServer: number;
  /** Vertices that a device computes per second, all layers. */
  readonly verticesPerS: number;
  /** Rows that a device's share of each link carries per second. */
  readonly intraRowsPerS: number;
  readonly interRowsPerS: number;
  /** Growth of the neighbourhood per layer is meanDegree ** alpha. */
  readonly alpha: number;
  /** Growth of the sampled neighbourhood over all layers. */
  readonly easGrowth: number;
}

/** Seconds of an epoch by mode, and when preloading pays. */
export interface CoarsePrediction {
  readonly fullGraph: number;
  readonly flx: number;
  readonly flxEas: number;
  /** Compute over link speed, in rows: C / B_inter. */
  readonly computeOverLink: number;
  /** Preloading wins about where `computeOverLink` is above this: (D̄^{αL} − 1) / D̄. */
  readonly breakEven: number;
}

/** Evaluates the model. */
export function predictCoarse(input: CoarseInput): CoarsePrediction {
  const { vertices, meanDegree, layers, servers, devicesPerServer: devices, verticesPerS } = input;
  const ranks = servers * devices;
  const edges = vertices * meanDegree;
  const growth = Math.min(ranks, Math.max(1, meanDegree ** (input.alpha * layers)));
  const compute = vertices / (ranks * verticesPerS);
  const replicated = (factor: number) =>
    compute * factor + (((edges * factor) / ranks) * ((devices - 1) / devices)) / input.intraRowsPerS;
  return {
    fullGraph:
      compute +
      (edges / ranks) * ((devices - 1) / ranks / input.intraRowsPerS + (1 - 1 / servers) / input.interRowsPerS),
    flx: replicated(growth),
    flxEas: replicated(input.easGrowth),
    computeOverLink: verticesPerS / input.interRowsPerS,
    breakEven: (growth - 1) / meanDegree,
  };
}

/** α of a server's hop sets: |R^{(L)}| = |V_s| · D̄^{αL}. */
export function fitAlpha(rowsByHops: readonly number[], meanDegree: number): number {
  const hops = rowsByHops.length - 1;
  const growth = rowsByHops[hops]! / Math.max(1, rowsByHops[0]!);
  return hops === 0 || meanDegree <= 1 ? 0 : Math.max(0, Math.log(growth) / (hops * Math.log(meanDegree)));
}
