/** Signed graphs of two classes that differ in exactly one known respect: a test with a known answer. */
import { OptionError, Rng } from '@strata-ml/core';
import type { LabelledGraphs } from './fitQuadStream.js';
import type { SignedGraph } from './SignedGraph.js';

/**
 * What tells the classes apart: the sign of ten edges; contrast between strongly connected regions (the high end of
 * the spectrum); the level of whole communities (the low end).
 */
export const plantedDifferences = ['sign', 'high-frequency', 'low-frequency'] as const;
/** One of {@link plantedDifferences}. */
export type PlantedDifference = (typeof plantedDifferences)[number];

/** Options of {@link syntheticConnectomes}. */
export interface SyntheticOptions {
  readonly difference: PlantedDifference;
  /** Graphs, half of each class. @defaultValue `200` */
  readonly subjects?: number;
  /** A multiple of 4, at least 12: communities have 4 regions. @defaultValue `24` */
  readonly regions?: number;
  /** @defaultValue `1` */
  readonly seed?: number;
}

const COMMUNITY = 4;
const FEATURES = 4;

/**
 * Communities of four regions that correlate at 0.9, weak random signed edges between them, and, for the two spectral
 * differences, four features per region: a level per community (random normal) plus a contrast that sums to zero in each
 * community; which two features it is strong in tells the class. `sign` has no features of its own.
 *
 * @throws {@link OptionError} for an option out of range.
 */
export function syntheticConnectomes(options: SyntheticOptions): LabelledGraphs {
  const { difference, subjects = 200, regions = 24, seed = 1 } = options;
  const where = 'syntheticConnectomes';
  if (!plantedDifferences.includes(difference)) {
    throw new OptionError(where, 'difference', difference, `one of ${plantedDifferences.join(', ')}`);
  }
  if (!Number.isSafeInteger(regions) || regions < 12 || regions % COMMUNITY !== 0) {
    throw new OptionError(where, 'regions', regions, 'a multiple of 4, at least 12');
  }
  if (!Number.isSafeInteger(subjects) || subjects < 2) throw new OptionError(where, 'subjects', subjects, 'at least 2');
  const root = new Rng(seed).split('synthetic', difference);
  const planted = plantedEdges(root.split('edges'), regions);
  const graphs: SignedGraph[] = [];
  const labels = new Int32Array(subjects);
  for (let s = 0; s < subjects; s++) {
    const label = s % 2;
    const rng = root.split('subject', s);
    labels[s] = label;
    const adjacency = communities(rng.split('adjacency'), regions);
    if (difference === 'sign') {
      for (const [i, j] of planted) setPair(adjacency, regions, i, j, label === 1 ? 0.5 : -0.5);
      graphs.push({ regions, adjacency });
    } else {
      graphs.push({ regions, adjacency, features: regionFeatures(rng.split('features'), regions, difference, label) });
    }
  }
  return { graphs, labels };
}

/** Ten pairs of regions in different communities. */
function plantedEdges(rng: Rng, regions: number): (readonly [number, number])[] {
  const pairs: [number, number][] = [];
  for (let i = 0; i < regions; i++) {
    for (let j = i + 1; j < regions; j++) if (communityOf(i) !== communityOf(j)) pairs.push([i, j]);
  }
  const order = rng.permutation(pairs.length);
  return Array.from({ length: 10 }, (_, k) => pairs[order[k]!]!);
}

const communityOf = (region: number) => Math.floor(region / COMMUNITY);

function communities(rng: Rng, regions: number): Float32Array {
  const adjacency = new Float32Array(regions * regions);
  for (let i = 0; i < regions; i++) {
    for (let j = i + 1; j < regions; j++) {
      const noise = rng.normalAt(i * regions + j);
      setPair(adjacency, regions, i, j, communityOf(i) === communityOf(j) ? 0.9 + 0.01 * noise : 0.02 * noise);
    }
  }
  return adjacency;
}

function setPair(adjacency: Float32Array, regions: number, i: number, j: number, weight: number): void {
  adjacency[i * regions + j] = weight;
  adjacency[j * regions + i] = weight;
}

/** float32 `[regions, 4]`. */
function regionFeatures(rng: Rng, regions: number, difference: PlantedDifference, label: number): Float32Array {
  const level = rng.split('level');
  const contrast = rng.split('contrast');
  const features = new Float32Array(regions * FEATURES);
  for (let f = 0; f < FEATURES; f++) {
    // The planted part is strong in one half of the features, the half of the class: a layer norm would hide a mere scale.
    const strong = (label === 1) === f >= FEATURES / 2 ? 1.5 : 0.3;
    const lowAmplitude = difference === 'low-frequency' ? strong : 1;
    const highAmplitude = difference === 'high-frequency' ? strong : 1;
    for (let first = 0; first < regions; first += COMMUNITY) {
      const community = first / COMMUNITY;
      const draws = Array.from({ length: COMMUNITY }, (_, k) => contrast.normalAt(first + k, f));
      const mean = draws.reduce((a, b) => a + b, 0) / COMMUNITY;
      for (let k = 0; k < COMMUNITY; k++) {
        const value = lowAmplitude * level.normalAt(community, f) + highAmplitude * (draws[k]! - mean);
        features[(first + k) * FEATURES + f] = value;
      }
    }
  }
  return features;
}
