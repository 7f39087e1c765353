/** Random boundary nodes: which halo rows a rank reads in one epoch. */
import type { Rng } from '@strata-ml/core';
import type { OneHopBlock } from '../plan/rankGraph.js';

/** A block with fewer halo rows, and the factor that makes up for those left out. */
export interface BoundarySample {
  readonly block: OneHopBlock;
  /** 1 for owned rows, |halo of q| / |drawn from q| for rows of peer q. float32 `[numSources]`. */
  readonly sourceScale: Float32Array;
}

/**
 * Draws ⌊rate · |halo of q|⌋ rows of each peer q without replacement; edges from the others are left out. Owned rows
 * keep their order. The expectation of a scaled sum over in-neighbours is the sum over all of them.
 *
 * Wan et al.: "BNS-GCN: efficient full-graph training of graph convolutional networks with partition-parallelism and
 * random boundary node sampling", MLSys 2022, arXiv:2203.10983.
 */
export function sampleBoundary(full: OneHopBlock, rate: number, rng: Rng): BoundarySample {
  const { numOwned, numDestinations, haloOffsets, globalIds, indptr, indices } = full;
  const peers = haloOffsets.length - 1;
  const offsets = new Int32Array(peers + 1);
  offsets[0] = numOwned;
  const ids: number[] = [];
  const scales: number[] = [];
  const rowOf = new Int32Array(full.numSources).fill(-1);
  for (let row = 0; row < numOwned; row++) rowOf[row] = row;
  for (let q = 0; q < peers; q++) {
    const size = haloOffsets[q + 1]! - haloOffsets[q]!;
    const count = Math.floor(rate * size);
    const drawn = rng.split(q).permutation(size).subarray(0, count).sort();
    for (const at of drawn) {
      const row = haloOffsets[q]! + at;
      rowOf[row] = numOwned + ids.length;
      ids.push(globalIds[row]!);
      scales.push(size / count);
    }
    offsets[q + 1] = offsets[q]! + count;
  }
  const sampledIndptr = new Int32Array(numDestinations + 1);
  const sampledIndices: number[] = [];
  for (let row = 0; row < numDestinations; row++) {
    for (let e = indptr[row]!; e < indptr[row + 1]!; e++) {
      const source = rowOf[indices[e]!]!;
      if (source >= 0) sampledIndices.push(source);
    }
    sampledIndptr[row + 1] = sampledIndices.length;
  }
  const numSources = numOwned + ids.length;
  const sources = new Int32Array(numSources);
  sources.set(globalIds.subarray(0, numOwned));
  sources.set(ids, numOwned);
  const sourceScale = new Float32Array(numSources).fill(1);
  sourceScale.set(scales, numOwned);
  const block = {
    ...full,
    numSources,
    globalIds: sources,
    indptr: sampledIndptr,
    indices: Int32Array.from(sampledIndices),
    haloOffsets: offsets,
  };
  return { block, sourceScale };
}
