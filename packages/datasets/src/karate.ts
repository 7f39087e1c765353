/** The karate club as a data set: real, tiny, and always there. */
import { Rng, toShared } from '@strata-ml/core';
import { csrFromEdges } from '@strata-ml/graph';
import Graph from 'graphology';
import karateClub from 'graphology-generators/social/karate-club.js';
import { identityFeatures } from './format/features.js';
import { shareParts } from './format/splits.js';
import type { NodeDataset } from './NodeDataset.js';
import { builtInName } from './registry/registry.js';

/** What this file uses of a graphology graph. */
interface Club {
  nodes(): string[];
  edges(): string[];
  extremities(edge: string): [string, string];
  getNodeAttribute(node: string, name: string): unknown;
}

// The module is CommonJS and exports the function itself; its types describe an ES module.
const generate = karateClub as unknown as (graphClass: unknown) => Club;

/** Training and validation vertices of each club. */
const perClub = 4;

/**
 * Zachary's karate club, from graphology: 34 members, 78 friendships, the club each joined after the split as class,
 * one-hot ids as features. Split: of each club 4 members to train, 4 to validate, the rest to test.
 *
 * Zachary: "An Information Flow Model for Conflict and Fission in Small Groups", 1977.
 */
export function karateDataset(): NodeDataset {
  const club = generate(Graph);
  const names = club.nodes();
  const position = new Map(names.map((name, v) => [name, v]));
  const ends = club.edges().map((edge) => club.extremities(edge).map((name) => position.get(name)!));
  const graph = csrFromEdges({
    numVertices: names.length,
    sources: Int32Array.from(ends, ([u]) => u!),
    destinations: Int32Array.from(ends, ([, v]) => v!),
    symmetrize: true,
    selfLoops: 'drop',
  });
  const clubs = names.map((name) => String(club.getNodeAttribute(name, 'club')));
  const classNames = [...new Set(clubs)];
  const labels = toShared(Int32Array.from(clubs, (c) => classNames.indexOf(c)));
  const parts: number[][] = [[], [], []];
  classNames.forEach((_, c) => {
    const members = names.map((_, v) => v).filter((v) => labels[v] === c);
    const order = new Rng(1977).split('karate', c).permutation(members.length);
    order.forEach((i, rank) => {
      parts[rank < perClub ? 0 : rank < 2 * perClub ? 1 : 2]!.push(members[i]!);
    });
  });
  const split = shareParts(parts.map((part) => part.sort((a, b) => a - b)));
  return {
    name: builtInName,
    source: 'built in',
    graph,
    ...identityFeatures(names.length),
    labels,
    numClasses: classNames.length,
    splits: [
      { ...split, description: `${perClub} training and ${perClub} validation members of each club`, published: false },
    ],
    meta: { name: builtInName, title: "Zachary's karate club", class_names: classNames },
  };
}
