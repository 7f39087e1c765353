/** Loads of the replicating and batching modes, by the same functions that the modes are built from. */
import type { ClusterSpec } from '@strata-ml/core';
import { type BatchPlan, planBatch } from '../sample/batch.js';
import { type EasSelection, expansionAwareSample } from '../sample/expansionAware.js';
import { hopSets } from '../server/hopSets.js';
import { layOutServer } from '../server/ServerLayout.js';
import { fullGraphLoads, type HopRange, type LoadInput, layoutLoads, type RankLoad } from './RankLoad.js';

/** Vertices that a server owns. */
function ownVertices({ partOf, include }: LoadInput, firstRank: number, devices: number): Int32Array {
  const own: number[] = [];
  for (let v = 0; v < partOf.length; v++) {
    const device = partOf[v]! - firstRank;
    if (device >= 0 && device < devices && include?.[v] !== 0) own.push(v);
  }
  return Int32Array.from(own);
}

/** Loads of `flx` with k preloaded hops, and rows by number of hops (summed over servers). */
export function flxLoads(
  input: LoadInput,
  cluster: ClusterSpec,
  layers: number,
  k: number,
): { readonly loads: RankLoad[]; readonly rowsByHops: number[] } {
  const rowsByHops = new Array<number>(k + 1).fill(0);
  const vanilla = fullGraphLoads(input, layers);
  const loads = perServer(cluster, (firstRank, devices) => {
    const own = ownVertices(input, firstRank, devices);
    const hopOf = hopSets(input.graph, own, k, input.include);
    for (const d of hopOf) for (let j = Math.max(0, d); d >= 0 && j <= k; j++) rowsByHops[j]!++;
    const layout = layOutServer(input.graph, hopOf, k, (v) => input.partOf[v]! - firstRank, devices);
    const ranges = Array.from({ length: k }, (_, i): HopRange => ({ readHop: k - i, writeHop: k - i - 1 }));
    return layoutLoads(input, layout, ranges, firstRank, devices);
  }).map((load, rank) => ({ ...load, layers: [...load.layers, ...vanilla[rank]!.layers.slice(k)] }));
  return { loads, rowsByHops };
}

/** Loads of `flx-eas`. */
export function easLoads(
  input: LoadInput,
  cluster: ClusterSpec,
  layers: number,
  options: { readonly hops: number; readonly fanout: number; readonly select: EasSelection; readonly seed: number },
): RankLoad[] {
  const { hops } = options;
  return perServer(cluster, (firstRank, devices) => {
    const own = ownVertices(input, firstRank, devices);
    const include = input.include ? { include: input.include } : {};
    const { hopOf } = expansionAwareSample(input.graph, own, { ...options, ...include });
    const layout = layOutServer(input.graph, hopOf, hops, (v) => input.partOf[v]! - firstRank, devices);
    const ranges = Array.from(
      { length: layers },
      (_, i): HopRange => ({
        readHop: Math.min(hops, layers - i),
        writeHop: Math.min(hops, layers - i - 1),
      }),
    );
    return layoutLoads(input, layout, ranges, firstRank, devices);
  });
}

/** Loads of one step of `cob`; with sampled neighbours, edges are counted as drawn. */
export function cobLoads(input: LoadInput, cluster: ClusterSpec, plan: Omit<BatchPlan, 'server'>): RankLoad[] {
  const { layers, sampler, fanout } = plan;
  let server = 0;
  return perServer(cluster, (firstRank, devices) => {
    const layout = planBatch({ ...plan, server: server++ }, 1, 0);
    const isInduced = sampler === 'cluster' || sampler === 'saint-node';
    const ranges = Array.from(
      { length: layers },
      (_, i): HopRange => (isInduced ? { readHop: 0, writeHop: 0 } : { readHop: layers - i, writeHop: layers - i - 1 }),
    );
    const loads = layoutLoads(input, layout, ranges, firstRank, devices);
    if (sampler !== 'sage') return loads;
    return loads.map((load) => ({
      ...load,
      layers: load.layers.map((layer) => ({ ...layer, edges: Math.min(layer.edges, fanout * layer.rowsOut) })),
    }));
  });
}

function perServer(
  { devicesPerServer }: ClusterSpec,
  of: (firstRank: number, devices: number) => RankLoad[],
): RankLoad[] {
  let firstRank = 0;
  return devicesPerServer.flatMap((devices) => {
    const loads = of(firstRank, devices);
    firstRank += devices;
    return loads;
  });
}
