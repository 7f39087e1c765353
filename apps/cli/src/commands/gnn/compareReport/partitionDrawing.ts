/** A picture of the partition: a sample of the graph, coloured by the device that owns each vertex. */
import * as Plot from '@observablehq/plot';
import { type ClusterSpec, placeRank, Rng, worldSizeOf } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { UndirectedGraph } from 'graphology';
import forceAtlas2Module from 'graphology-layout-forceatlas2';
import { count } from '../../../output/format.js';
import { legend } from '../../../output/page/html.js';
import { type ColourKey, drawSvg } from '../../../output/page/svg.js';

// Its types tell of an ES module, the package is a CommonJS one whose `module.exports` is the function itself.
const forceAtlas2 = forceAtlas2Module as unknown as typeof forceAtlas2Module.default;

/** Vertices of the picture; more become a ball of wool. */
const maxVertices = 420;
/** Neighbours that a vertex brings in: a hub must not fill the sample. */
const maxNeighbours = 5;
const iterations = 300;
/** Pull of an edge between parts, where one inside a part pulls with 1. */
const cutWeight = 0.1;

/** Draws a sample grown from one vertex of each part, alternately, along edges. */
export function partitionDrawing(graph: CsrGraph, partOf: Int32Array, cluster: ClusterSpec): string {
  const picture = layOut(graph, partOf, worldSizeOf(cluster), sample(graph, partOf, worldSizeOf(cluster)));
  const key = rankColours(cluster);
  const nameOf = (v: number) => key.domain[partOf[v]!]!;
  const place = (v: string) => picture.getNodeAttributes(v) as { x: number; y: number };
  const nodes = picture.mapNodes((v) => ({ ...place(v), owner: nameOf(Number(v)) }));
  const edges = picture.mapEdges((_edge, _attributes, u, v) => {
    const [a, b] = [place(u), place(v)];
    return { x1: a.x, y1: a.y, x2: b.x, y2: b.y, isCut: partOf[Number(u)] !== partOf[Number(v)] };
  });
  const ends = { x1: 'x1', y1: 'y1', x2: 'x2', y2: 'y2' } as const;
  const inner = edges.filter((e) => !e.isCut);
  const cut = edges.filter((e) => e.isCut);
  const svg = drawSvg('a sample of the graph, coloured by owner', {
    height: 560,
    margin: 12,
    axis: null,
    color: { domain: [...key.domain], range: [...key.range] },
    marks: [
      Plot.link(inner, { ...ends, stroke: '#6b7280', strokeOpacity: 0.6, strokeWidth: 0.9 }),
      Plot.link(cut, { ...ends, stroke: '#c1121f', strokeOpacity: 0.4, strokeWidth: 0.7 }),
      Plot.dot(nodes, { x: 'x', y: 'y', fill: 'owner', r: 4, stroke: 'white', strokeWidth: 0.8 }),
    ],
  });
  const shown = `${count(nodes.length)} of ${count(graph.numVertices)} vertices; ${cut.length} of the ${edges.length} edges between them are cut. Parts are drawn apart.`;
  return `${legend({ domain: [...key.domain, 'cut edge'], range: [...key.range, '#c1121f'] })}${svg}<p>${shown}</p>`;
}

/** Vertices in the order in which they were met. */
function sample(graph: CsrGraph, partOf: Int32Array, parts: number): Set<number> {
  const { indptr, indices, numVertices } = graph;
  const degree = (v: number) => indptr[v + 1]! - indptr[v]!;
  const starts = new Array<number>(parts).fill(-1);
  for (let v = 0; v < numVertices; v++) {
    const part = partOf[v]!;
    if (starts[part]! < 0 || degree(v) > degree(starts[part]!)) starts[part] = v;
  }
  const chosen = new Set(starts.filter((v) => v >= 0));
  const queues = starts.filter((v) => v >= 0).map((v) => [v]);
  const rng = new Rng(1).split('partition drawing');
  for (let turn = 0; chosen.size < maxVertices && queues.some((queue) => queue.length > 0); turn++) {
    const queue = queues[turn % queues.length]!;
    const v = queue.shift();
    if (v === undefined) continue;
    const wanted = Math.min(maxNeighbours, degree(v));
    for (let k = 0; k < wanted && chosen.size < maxVertices; k++) {
      const u = indices[indptr[v]! + rng.intAt(degree(v), v, k)]!;
      if (chosen.has(u)) continue;
      chosen.add(u);
      queue.push(u);
    }
  }
  return chosen;
}

/** The induced subgraph with places, the same for the same sample. Parts start apart, and cut edges pull less. */
function layOut(
  { indptr, indices }: CsrGraph,
  partOf: Int32Array,
  parts: number,
  chosen: ReadonlySet<number>,
): UndirectedGraph {
  const picture = new UndirectedGraph();
  const rng = new Rng(1).split('partition layout');
  for (const v of chosen) {
    const angle = (2 * Math.PI * (partOf[v]! + 0.5)) / parts;
    const radius = parts > 1 ? 120 : 0;
    const at = (centre: number, axis: number) => radius * centre + 40 * rng.normalAt(v, axis);
    picture.addNode(v, { x: at(Math.cos(angle), 0), y: at(Math.sin(angle), 1) });
  }
  for (const v of chosen) {
    for (let e = indptr[v]!; e < indptr[v + 1]!; e++) {
      const u = indices[e]!;
      if (u === v || !chosen.has(u) || picture.hasEdge(v, u)) continue;
      picture.addEdge(v, u, { weight: partOf[u] === partOf[v] ? 1 : cutWeight });
    }
  }
  const settings = { ...forceAtlas2.inferSettings(picture), edgeWeightInfluence: 1, gravity: 0.8, scalingRatio: 12 };
  forceAtlas2.assign(picture, { iterations, settings, getEdgeWeight: 'weight' });
  return picture;
}

/** One hue per server, one lightness per device. */
function rankColours(cluster: ClusterSpec): ColourKey {
  const servers = cluster.devicesPerServer.length;
  const places = Array.from({ length: worldSizeOf(cluster) }, (_, rank) => placeRank(cluster, rank));
  return {
    domain: places.map(({ server, localRank }) => `server ${server}, device ${localRank}`),
    range: places.map(({ server, localRank }) => {
      const devices = cluster.devicesPerServer[server]!;
      // A server alone gives its devices hues of their own.
      const hue = servers === 1 ? (210 + (360 * localRank) / devices) % 360 : (210 + (360 * server) / servers) % 360;
      const lightness = servers === 1 || devices === 1 ? 45 : 32 + (36 * localRank) / (devices - 1);
      return `hsl(${Math.round(hue)}, 65%, ${Math.round(lightness)}%)`;
    }),
  };
}
