/** Bytes that crossed between host and device, and the closed forms they must equal. */

/** Counted where the bytes move. */
export interface DeviceTraffic {
  /** Host to device: gathered inputs, gradients of what leaves, class scores for an unfused loss. */
  uploadBytes: number;
  /** Device to host: what leaves a stage, gradients of gathered inputs, snapshots. */
  downloadBytes: number;
}

/** What the closed forms depend on. */
export interface TrafficModel {
  /** N. */
  readonly vertices: number;
  /** Σ_p e_p = αN. */
  readonly expandedRows: number;
  readonly stages: readonly { readonly gathers: boolean }[];
  /** d_0 … d_T. */
  readonly widths: readonly number[];
  readonly fusedHead: boolean;
  readonly snapshots: boolean;
}

/**
 * Bytes of one training epoch without batch norm. With D_l = 4·N·d_l and G_l = α·D_l (D_l for dense stages), T stages:
 * upload = 2·ΣG_l + D_T + Σ_{1 ≤ l < T} D_l, download = Σ_{1 ≤ l ≤ T} D_l + Σ_{1 ≤ l < T} G_l. A fused head saves G_{T−1}
 * and D_T of the first and D_T of the second; snapshots add what forward gathers to the second.
 */
export function trafficPerEpoch(model: TrafficModel): DeviceTraffic {
  const { vertices, expandedRows, stages, widths, fusedHead, snapshots } = model;
  const last = stages.length - 1;
  const dense = (l: number) => 4 * vertices * widths[l]!;
  const gathered = (l: number) => 4 * (stages[l]!.gathers ? expandedRows : vertices) * widths[l]!;
  const sum = (from: number, to: number, of: (l: number) => number) => {
    let total = 0;
    for (let l = from; l < to; l++) total += of(l);
    return total;
  };
  const forward = fusedHead ? last : last + 1;
  return {
    uploadBytes:
      sum(0, forward, gathered) +
      sum(0, last + 1, gathered) +
      sum(1, last + 1, dense) +
      (fusedHead ? 0 : dense(last + 1)),
    downloadBytes:
      sum(1, forward + 1, dense) + sum(1, last + 1, gathered) + (snapshots ? sum(0, forward, gathered) : 0),
  };
}
