/** The edges of the common layout, as a symmetric graph. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type CsrGraph, csrFromEdges } from '@strata-ml/graph';
import { checkRange, readArray } from './arrays.js';
import type { DatasetMeta } from './meta.js';

/**
 * Reads `edges.i32.gz` and, if there, `weights.i32.gz` or `weights.f32.gz`. Both directions are stored; duplicates and
 * self-loops are dropped.
 *
 * @throws {@link DataError} that names the file and the first id out of range.
 */
export async function readEdges(folder: string, meta: DatasetMeta): Promise<CsrGraph> {
  const file = join(folder, 'edges.i32.gz');
  const count = meta.num_edges;
  const pairs = await readArray(file, 'i32', 2 * count);
  checkRange(file, 'vertex ids', pairs, 0, meta.num_nodes - 1);
  const sources = new Int32Array(count);
  const destinations = new Int32Array(count);
  for (let e = 0; e < count; e++) {
    sources[e] = pairs[2 * e]!;
    destinations[e] = pairs[2 * e + 1]!;
  }
  const weights = await readWeights(folder, count);
  return csrFromEdges({
    numVertices: meta.num_nodes,
    sources,
    destinations,
    symmetrize: true,
    selfLoops: 'drop',
    ...(weights ? { weights } : {}),
  });
}

async function readWeights(folder: string, count: number): Promise<Float32Array | undefined> {
  const integers = join(folder, 'weights.i32.gz');
  if (existsSync(integers)) return Float32Array.from(await readArray(integers, 'i32', count));
  const floats = join(folder, 'weights.f32.gz');
  return existsSync(floats) ? readArray(floats, 'f32', count) : undefined;
}
