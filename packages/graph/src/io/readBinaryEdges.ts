/** Binary edge lists, read whole: little-endian int32 pairs, as `grem` streams them. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { AbortedError, DataError } from '@strata-ml/core';
import { csrFromEdges } from '../csr/csrFromEdges.js';
import type { LoadedGraph } from './LoadedGraph.js';
import type { EdgeListOptions } from './readEdgeList.js';

/**
 * Reads int32 pairs (source, destination) without a header; gzip is recognised. `compactIds` and `skipLines` do not apply.
 *
 * @throws {@link DataError} if the file is missing, no multiple of 8 bytes, or holds an id out of range.
 * @throws {@link AbortedError} if `signal` is aborted.
 */
export async function readBinaryEdges(path: string, options: EdgeListOptions = {}): Promise<LoadedGraph> {
  const { directed = false, numVertices, dedupe = true, selfLoops = 'keep', signal } = options;
  const raw = await readFile(path, signal ? { signal } : {}).catch((cause: NodeJS.ErrnoException) => {
    if (cause.name === 'AbortError') throw new AbortedError(`${path}: reading aborted`);
    throw new DataError(
      `${path}: file must exist and be readable, got ${cause.code}; check the path`,
      { path },
      { cause },
    );
  });
  const bytes = raw[0] === 0x1f && raw[1] === 0x8b && path.endsWith('.gz') ? gunzipSync(raw) : raw;
  if (bytes.length === 0 || bytes.length % 8 !== 0) {
    throw new DataError(`${path}: length must be a positive multiple of 8 bytes (int32 pairs), got ${bytes.length}`);
  }
  const edges = bytes.length / 8;
  const sources = new Int32Array(edges);
  const destinations = new Int32Array(edges);
  for (let i = 0; i < edges; i++) {
    sources[i] = bytes.readInt32LE(8 * i);
    destinations[i] = bytes.readInt32LE(8 * i + 4);
  }
  const graph = csrFromEdges({
    sources,
    destinations,
    symmetrize: !directed,
    dedupe,
    selfLoops,
    ...(numVertices === undefined ? {} : { numVertices }),
  });
  return { format: 'binary', graph, edgesInFile: edges };
}
