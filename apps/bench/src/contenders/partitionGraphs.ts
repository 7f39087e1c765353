/**
 * Graphs of the suite `partition` in a cache folder: a binary edge file, the same graph for gpmetis, and its counts.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '@strata-ml/core';
import { loadNodeDataset } from '@strata-ml/datasets';
import { type CsrGraph, csrFromEdges, edgesOf, writeMetis, writePowerLawEdges, writeRmatEdges } from '@strata-ml/graph';

/** Where generated graphs stay between runs. */
export const cacheFolder = process.env.STRATA_BENCH_CACHE ?? join(tmpdir(), 'strata-bench-partition');

/** Counts of a cached graph. */
export interface GraphFacts {
  readonly numVertices: number;
  readonly edges: number;
}

/** Files of a cached graph. */
export const filesOf = (name: string) => ({
  edges: join(cacheFolder, `${name}.i32`),
  metis: join(cacheFolder, `${name}.graph`),
  facts: join(cacheFolder, `${name}.json`),
});

/** Reads a cached edge file as a symmetric graph. */
export function readCached(name: string, { numVertices }: GraphFacts): CsrGraph {
  const bytes = readFileSync(filesOf(name).edges);
  const pairs = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  const sources = new Int32Array(pairs.length / 2);
  const destinations = new Int32Array(pairs.length / 2);
  for (let i = 0; i < sources.length; i++) {
    sources[i] = pairs[2 * i]!;
    destinations[i] = pairs[2 * i + 1]!;
  }
  return csrFromEdges({ numVertices, sources, destinations, symmetrize: true });
}

/** Makes a graph, unless it is there: `community-VERTICES-DEGREE`, `rmat-SCALE-FACTOR`, or a data set. */
export async function makeGraph(name: string): Promise<void> {
  const files = filesOf(name);
  if (existsSync(files.facts)) return;
  mkdirSync(cacheFolder, { recursive: true });
  const [kind = '', size = '', degree = ''] = name.split('-');
  let facts: GraphFacts;
  if (kind === 'community') {
    const options = { numVertices: Number(size), averageDegree: Number(degree), communities: 256, rng: new Rng(1) };
    facts = await writePowerLawEdges(files.edges, options);
  } else if (kind === 'rmat') {
    facts = await writeRmatEdges(files.edges, { scale: Number(size), edgeFactor: Number(degree), rng: new Rng(1) });
  } else {
    facts = writeReal(files.edges, (await loadNodeDataset(name.replace('plain_', 'plain-graphs/'))).graph);
  }
  await writeMetis(files.metis, readCached(name, facts));
  writeFileSync(`${files.facts}.tmp`, JSON.stringify(facts));
  renameSync(`${files.facts}.tmp`, files.facts);
}

/** In the order of the rows, as data sets come: a streaming partitioner has to shuffle it. */
function writeReal(path: string, graph: CsrGraph): GraphFacts {
  const { sources, destinations } = edgesOf(graph);
  const pairs: number[] = [];
  for (let e = 0; e < sources.length; e++) {
    if (sources[e]! < destinations[e]!) pairs.push(sources[e]!, destinations[e]!);
  }
  writeFileSync(path, new Uint8Array(Int32Array.from(pairs).buffer));
  return { numVertices: graph.numVertices, edges: pairs.length / 2 };
}
