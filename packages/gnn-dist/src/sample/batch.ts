/**
 * One server's share of one optimiser step: seeds, and the vertices that the layers above them read.
 *
 * A pure function of graph, partition, options, epoch and step, so it may run on another thread, one step ahead.
 */
import { Rng } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { type HopOf, hopSets } from '../server/hopSets.js';
import { layOutServer, type ServerLayout } from '../server/ServerLayout.js';
import { type EasSelection, expansionAwareSample } from './expansionAware.js';
import { drawNeighbours } from './neighbours.js';

/** Samplers of cooperative batching. */
export const batchSamplers = ['sage', 'full', 'eas', 'saint-node', 'cluster'] as const;
/** One of {@link batchSamplers}. */
export type BatchSampler = (typeof batchSamplers)[number];

/** What batches are made from; plain data, arrays in shared memory where they can be. */
export interface BatchPlan {
  readonly graph: CsrGraph;
  /** uint8 `[n]`: vertices outside are no part of the training graph. */
  readonly include?: Uint8Array;
  /** World rank that owns each vertex. */
  readonly partOf: Int32Array;
  readonly train: Int32Array;
  readonly outDegrees: Int32Array;
  readonly devicesPerServer: readonly number[];
  readonly server: number;
  readonly layers: number;
  readonly seed: number;
  readonly sampler: BatchSampler;
  readonly itersPerEpoch: number;
  /** `'global'` deals all training vertices to the servers, `'local'` gives each server its own. */
  readonly seeds: 'global' | 'local';
  /** In-neighbours that `'sage'` draws per vertex and layer. */
  readonly fanout: number;
  /** Likewise by layer, the first layer first. @defaultValue `fanout` in all */
  readonly fanouts?: readonly number[];
  readonly eas: { readonly hops: number; readonly fanout: number; readonly select: EasSelection };
}

/** In-neighbours drawn per vertex in layer `layer`, from 1. */
export function fanoutOf({ fanout, fanouts }: Pick<BatchPlan, 'fanout' | 'fanouts'>, layer: number): number {
  return fanouts?.[layer - 1] ?? fanout;
}

/** Key of the edges drawn in one layer of one step. */
export function edgeRng(seed: number, epoch: number, step: number, layer: number): Rng {
  return new Rng(seed).split('edges', epoch, step, layer);
}

/** First world rank of the plan's server. */
export function firstRankOf({ devicesPerServer, server }: Pick<BatchPlan, 'devicesPerServer' | 'server'>): number {
  return devicesPerServer.slice(0, server).reduce((sum, count) => sum + count, 0);
}

/** Seeds of the server in a step, ascending. Steps of an epoch share no seed, and together they are all training vertices. */
export function seedsOf(plan: BatchPlan, epoch: number, step: number): Int32Array {
  const { train, itersPerEpoch, devicesPerServer, server } = plan;
  const isLocal = plan.seeds === 'local';
  const all = isLocal ? train.filter((v) => isOwn(plan, v)) : train;
  const order = new Rng(plan.seed).split('seeds', epoch, ...(isLocal ? [server] : [])).permutation(all.length);
  const parts = isLocal ? itersPerEpoch : itersPerEpoch * devicesPerServer.length;
  const part = isLocal ? step : step * devicesPerServer.length + server;
  const begin = Math.floor((part * all.length) / parts);
  const end = Math.floor(((part + 1) * all.length) / parts);
  return Int32Array.from(order.subarray(begin, end), (i) => all[i]!).sort();
}

/** Samples a step's vertices and places them on the server's devices. */
export function planBatch(plan: BatchPlan, epoch: number, step: number): ServerLayout {
  const { graph, partOf, devicesPerServer, server, layers } = plan;
  const seeds = seedsOf(plan, epoch, step);
  const firstRank = firstRankOf(plan);
  const devices = devicesPerServer[server]!;
  // Own vertices stay where they are; foreign seeds go by the device number that they have at home.
  const deviceOf = (v: number) => (isOwn(plan, v) ? partOf[v]! - firstRank : partOf[v]! % devices);
  return layOutServer(graph, sampleHops(plan, seeds, epoch, step), layers, deviceOf, devices);
}

function sampleHops(plan: BatchPlan, seeds: Int32Array, epoch: number, step: number): HopOf {
  const { graph, layers, include, sampler, seed, eas } = plan;
  switch (sampler) {
    case 'full':
      return hopSets(graph, seeds, layers, include);
    case 'cluster':
      return hopSets(graph, seeds, 0);
    case 'saint-node':
      return hopSets(graph, drawByDegree(plan, seeds.length, epoch, step), 0);
    case 'sage':
      return sageHops(plan, seeds, epoch, step);
    case 'eas': {
      // Everything that the seeds see inside the server, and a sample of what that reads from outside.
      const inside = new Uint8Array(graph.numVertices);
      for (let v = 0; v < inside.length; v++) inside[v] = isOwn(plan, v) && include?.[v] !== 0 ? 1 : 0;
      for (const v of seeds) inside[v] = 1;
      const seen = hopSets(graph, seeds, layers, inside);
      const local = Int32Array.from(seen.keys()).filter((v) => seen[v]! >= 0);
      const outside = inside.map((flag, v) => (seen[v]! >= 0 ? 1 : flag === 1 ? 0 : include?.[v] === 0 ? 0 : 1));
      const rng = new Rng(seed).split('eas', epoch, step);
      const drawn = expansionAwareSample(graph, local, { ...eas, seed: rng.key[0], include: outside });
      const member = new Uint8Array(graph.numVertices);
      for (const v of local) member[v] = 1;
      for (const v of drawn.selected) member[v] = 1;
      return hopSets(graph, seeds, layers, member);
    }
  }
}

function isOwn(plan: BatchPlan, v: number): boolean {
  const device = plan.partOf[v]! - firstRankOf(plan);
  return device >= 0 && device < plan.devicesPerServer[plan.server]!;
}

/** Hop of v = layers − the last layer that computes v: layer l writes rows with hop ≤ layers − l. */
function sageHops(plan: BatchPlan, seeds: Int32Array, epoch: number, step: number): HopOf {
  const { graph, layers, seed, include } = plan;
  const hopOf = new Int16Array(graph.numVertices).fill(-1);
  const rows: number[] = Array.from(seeds);
  for (const v of seeds) hopOf[v] = 0;
  for (let layer = layers; layer >= 1; layer--) {
    const rng = edgeRng(seed, epoch, step, layer);
    const fanout = fanoutOf(plan, layer);
    const count = rows.length;
    for (let i = 0; i < count; i++) {
      for (const u of drawNeighbours(graph, rows[i]!, fanout, rng)) {
        if (hopOf[u] !== -1 || include?.[u] === 0) continue;
        hopOf[u] = layers - layer + 1;
        rows.push(u);
      }
    }
  }
  return hopOf;
}

/** `count` draws with replacement, probability ∝ max(out-degree, 1); what came out, once each, ascending. */
function drawByDegree(
  { outDegrees, include, seed }: BatchPlan,
  count: number,
  epoch: number,
  step: number,
): Int32Array {
  const n = outDegrees.length;
  const sums = new Float64Array(n + 1);
  for (let v = 0; v < n; v++) sums[v + 1] = sums[v]! + (include?.[v] === 0 ? 0 : Math.max(1, outDegrees[v]!));
  const rng = new Rng(seed).split('saint', epoch, step);
  const drawn = new Set<number>();
  for (let i = 0; i < count; i++) {
    const target = rng.uniformAt(i) * sums[n]!;
    let low = 0;
    let high = n - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle + 1]! > target) high = middle;
      else low = middle + 1;
    }
    drawn.add(low);
  }
  return Int32Array.from(drawn).sort();
}
