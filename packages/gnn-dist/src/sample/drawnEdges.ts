/** The edges that were drawn for the layers of a batch, and the degrees that normalise sums over them. */
import type { Rng } from '@strata-ml/core';
import type { RowEdges } from '../plan/edgeBlock.js';
import type { ServerRows } from '../server/ServerRows.js';
import type { SegmentOptions } from '../server/serverStages.js';
import { type BatchPlan, edgeRng, fanoutOf } from './batch.js';
import { drawNeighbours } from './neighbours.js';

/**
 * Edges and degrees of each layer of one step: the same draws that chose the vertices.
 *
 * @param countsSources - count how often a source was drawn on any device of the server, which gcn divides by
 */
export function drawnLayers(
  plan: BatchPlan,
  { hopOf }: Pick<ServerRows, 'hopOf'>,
  countsSources: boolean,
  epoch: number,
  step: number,
): Required<Pick<SegmentOptions, 'degreesOf' | 'edgesOf'>> {
  const { graph, layers, seed } = plan;
  const edgesOf = (layer: number, destinations: Int32Array) =>
    drawnEdges(plan, fanoutOf(plan, layer), edgeRng(seed, epoch, step, layer), destinations);
  return {
    edgesOf,
    degreesOf: (layer, { indptr, numDestinations, globalIds }) => {
      const inDegree = Int32Array.from({ length: numDestinations }, (_, row) => indptr[row + 1]! - indptr[row]!);
      const outDegree = new Int32Array(globalIds.length).fill(1);
      if (countsSources) {
        const times = new Int32Array(graph.numVertices);
        const all = Int32Array.from(hopOf.keys()).filter((v) => hopOf[v]! >= 0 && hopOf[v]! <= layers - layer);
        for (const u of edgesOf(layer, all).sources) times[u]!++;
        globalIds.forEach((v, row) => {
          outDegree[row] = Math.max(1, times[v]!);
        });
      }
      return { inDegree, outDegree };
    },
  };
}

/** Draws up to `fanout` in-neighbours of each destination that are in the training graph. */
export function drawnEdges(
  { graph, include }: Pick<BatchPlan, 'graph' | 'include'>,
  fanout: number,
  rng: Rng,
  destinations: Int32Array,
): RowEdges {
  const indptr = new Int32Array(destinations.length + 1);
  const lists = Array.from(destinations, (v, row) => {
    const drawn = drawNeighbours(graph, v, fanout, rng);
    const list = include ? drawn.filter((u) => include[u] !== 0) : drawn;
    indptr[row + 1] = indptr[row]! + list.length;
    return list;
  });
  const sources = new Int32Array(indptr[destinations.length]!);
  lists.forEach((list, row) => {
    sources.set(list, indptr[row]!);
  });
  return { indptr, sources };
}
