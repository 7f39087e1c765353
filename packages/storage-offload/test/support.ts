/** Small graphs and folders for tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Rng } from '@strata-ml/core';
import { type CsrGraph, csrFromEdges, rmat } from '@strata-ml/graph';
import { afterAll } from 'vitest';

/** Names of folders that do not exist yet, below one that is removed after the tests of a file. */
export function temporaryFolders(): () => string {
  const root = mkdtempSync(join(tmpdir(), 'strata-offload-'));
  let made = 0;
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return () => join(root, `folder-${made++}`);
}

/** R-MAT with an isolated vertex and a self-loop that is there already; 2^scale + 1 vertices. */
export function exampleGraph(scale: number): CsrGraph {
  const drawn = rmat({ scale, edgeFactor: 4, rng: new Rng(3) });
  const sources = Int32Array.from([...drawn.indices, 1]);
  const destinations = new Int32Array(sources.length);
  for (let v = 0; v < drawn.numVertices; v++) destinations.fill(v, drawn.indptr[v]!, drawn.indptr[v + 1]!);
  destinations[sources.length - 1] = 1;
  return csrFromEdges({ numVertices: drawn.numVertices + 1, sources, destinations });
}

/** Values that differ from vertex to vertex. float32 `[n · columns]`. */
export function exampleFeatures(n: number, columns: number): Float32Array {
  return Float32Array.from({ length: n * columns }, (_, i) => Math.sin(i + 1));
}
