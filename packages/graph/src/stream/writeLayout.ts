/** A graph on disk in the order of its partition: what training from storage reads, part by part, bucket by bucket. */
import { mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { OptionError, Rng, ShapeError } from '@strata-ml/core';
import { EDGE_BYTES, edgeChunks } from './edgeFile.js';
import { type EdgePieces, prepareEdges } from './edgeInput.js';
import { withTemporaryFolder } from './TemporaryFolder.js';

/** What `layout.json` says. */
export interface PartitionLayout {
  readonly numVertices: number;
  readonly parts: number;
  readonly edges: number;
  /** Part p holds the new ids `vertexOffsets[p] … vertexOffsets[p + 1] − 1`. */
  readonly vertexOffsets: readonly number[];
  /** Edges from part p to part q are those at `bucketOffsets[p · parts + q] … − 1` of `edges.i32`. */
  readonly bucketOffsets: readonly number[];
}

/** Options of {@link writePartitionLayout}. */
export interface PartitionLayoutOptions {
  /** @defaultValue `262144` */
  readonly bufferEdges?: number;
  readonly signal?: AbortSignal;
}

const READ_EDGES = 1 << 16;

/**
 * Writes a folder with `edges.i32` (ends renamed, grouped by part of source and of destination), `order.i32` (the old id of
 * each new one) and `layout.json` ({@link PartitionLayout}). New ids run through part 0, then part 1, …, old order inside.
 *
 * Streams twice; memory: 8 bytes a vertex and 8 per buffered edge. The folder appears whole or not at all.
 *
 * @param source - edges as `grem` takes them
 * @param partOf - part of each vertex, int32 `[n]`
 * @throws {@link ShapeError} if an edge has an end beyond `partOf`; {@link OptionError} if `folder` exists already.
 */
export async function writePartitionLayout(
  folder: string,
  source: string | EdgePieces,
  partOf: Int32Array,
  parts: number,
  { bufferEdges = 1 << 18, signal }: PartitionLayoutOptions = {},
): Promise<PartitionLayout> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  if (exists) throw new OptionError('writePartitionLayout', 'folder', folder, 'a new path', 'remove it first');
  const n = partOf.length;
  const { order, newId, vertexOffsets } = orderByPart(partOf, parts);
  return withTemporaryFolder(dirname(resolve(folder)), async (temporary) => {
    const input = { shuffle: 'never', dedupe: false, memoryEdges: READ_EDGES, rng: new Rng(1), signal } as const;
    const file = await prepareEdges(source, temporary, input);
    if (file.numVertices > n) {
      throw new ShapeError('writePartitionLayout', 'partOf', [n], `[${file.numVertices}], one part per vertex`);
    }
    const counts = new Float64Array(parts * parts + 1);
    const bucketOf = (u: number, v: number) => partOf[u]! * parts + partOf[v]!;
    const buffer = new Int32Array(2 * READ_EDGES);
    for await (const { pairs, count } of edgeChunks(file.path, buffer, signal)) {
      for (let i = 0; i < count; i++) counts[bucketOf(pairs[2 * i]!, pairs[2 * i + 1]!) + 1]!++;
    }
    for (let b = 0; b < parts * parts; b++) counts[b + 1]! += counts[b]!;
    const result = temporary('layout');
    await mkdir(result);
    await writeBuckets(join(result, 'edges.i32'));
    await writeFile(join(result, 'order.i32'), new Uint8Array(order.buffer));
    const layout: PartitionLayout = {
      numVertices: n,
      parts,
      edges: file.edges,
      vertexOffsets,
      bucketOffsets: Array.from(counts),
    };
    await writeFile(join(result, 'layout.json'), `${JSON.stringify(layout)}\n`);
    await rename(result, folder);
    return layout;

    async function writeBuckets(path: string): Promise<void> {
      const each = Math.max(64, Math.floor(bufferEdges / (parts * parts)));
      const buffered = new Int32Array(2 * each * parts * parts);
      const filled = new Int32Array(parts * parts);
      const next = counts.slice(0, parts * parts);
      const out = await open(path, 'wx');
      const flush = async (b: number): Promise<void> => {
        const bytes = new Uint8Array(buffered.buffer, EDGE_BYTES * each * b, EDGE_BYTES * filled[b]!);
        await out.write(bytes, 0, bytes.length, EDGE_BYTES * next[b]!);
        next[b]! += filled[b]!;
        filled[b] = 0;
      };
      try {
        for await (const { pairs, count } of edgeChunks(file.path, buffer, signal)) {
          for (let i = 0; i < count; i++) {
            const b = bucketOf(pairs[2 * i]!, pairs[2 * i + 1]!);
            const at = 2 * (each * b + filled[b]!++);
            buffered[at] = newId[pairs[2 * i]!]!;
            buffered[at + 1] = newId[pairs[2 * i + 1]!]!;
            if (filled[b] === each) await flush(b);
          }
        }
        for (let b = 0; b < parts * parts; b++) if (filled[b]! > 0) await flush(b);
        await out.sync();
      } finally {
        await out.close();
        if (signal?.aborted) await rm(path, { force: true });
      }
    }
  });
}

/** Vertices sorted by part, stably, and the inverse. */
function orderByPart(partOf: Int32Array, parts: number) {
  const vertexOffsets = new Array<number>(parts + 1).fill(0);
  for (const p of partOf) {
    if (p < 0 || p >= parts) throw new OptionError('writePartitionLayout', 'part', p, `in 0 … ${parts - 1}`);
    vertexOffsets[p + 1]!++;
  }
  for (let p = 0; p < parts; p++) vertexOffsets[p + 1]! += vertexOffsets[p]!;
  const next = vertexOffsets.slice();
  const newId = partOf.map((p) => next[p]!++);
  const order = new Int32Array(partOf.length);
  newId.forEach((id, v) => {
    order[id] = v;
  });
  return { order, newId, vertexOffsets };
}

/**
 * Rows of a table in another order: row i of the result is row `order[i]` of `values`. For features and labels.
 *
 * @param columns - length of a row
 * @throws {@link ShapeError} if `values` does not have `order.length` rows.
 *
 * @example
 * [...permuteRows(Float32Array.of(1, 2, 3, 4), 2, Int32Array.of(1, 0))]; // => [3, 4, 1, 2]
 */
export function permuteRows<A extends Float32Array | Int32Array>(values: A, columns: number, order: Int32Array): A {
  if (values.length !== columns * order.length) {
    throw new ShapeError('permuteRows', 'values', [values.length], `[${order.length} · ${columns}]`);
  }
  const result = values.slice() as A;
  for (let i = 0; i < order.length; i++) {
    for (let c = 0; c < columns; c++) result[i * columns + c] = values[order[i]! * columns + c]!;
  }
  return result;
}
