/**
 * Random order on disk in two passes: edges go to buckets by a hash, each bucket is shuffled in memory.
 *
 * An edge lands in a bucket by a seeded hash of its ends, so equal edges meet and duplicates can be dropped there; the
 * concatenation of the shuffled buckets is a random order of the edges (of different ones, if duplicates are kept).
 */
import { rm } from 'node:fs/promises';
import { AbortedError, DataError, type Rng } from '@strata-ml/core';
import { sortEdges } from '../csr/sortEdges.js';
import { Sequence } from '../generate/Sequence.js';
import { type EdgeChunk, EdgeWriter, edgeChunks } from './edgeFile.js';
import type { TemporaryPath } from './TemporaryFolder.js';

/** Options of {@link shuffleEdges}. */
export interface ShuffleOptions {
  /** Edges that come, about: sets the number of buckets. */
  readonly expectedEdges: number;
  /** Most edges in memory. */
  readonly memoryEdges: number;
  /** Store u-v and v-u once, as (smaller, larger), and no self-loop. */
  readonly dedupe: boolean;
  readonly rng: Rng;
  readonly signal?: AbortSignal | undefined;
}

/** Writes the edges of `source` to `target` in random order; returns how many and the largest id. */
export async function shuffleEdges(
  source: AsyncIterable<EdgeChunk> | Iterable<EdgeChunk>,
  target: string,
  temporary: TemporaryPath,
  { expectedEdges, memoryEdges, dedupe, rng, signal }: ShuffleOptions,
): Promise<{ readonly edges: number; readonly numVertices: number }> {
  // Sorting needs a second buffer; hash buckets differ a little in size.
  const buckets = Math.min(512, Math.max(1, Math.ceil((2.2 * expectedEdges) / memoryEdges)));
  const path = (b: number) => temporary(`bucket-${b}.i32`);
  const writers: EdgeWriter[] = [];
  let largest = -1;
  try {
    for (let b = 0; b < buckets; b++) writers.push(await EdgeWriter.create(path(b)));
    const salt = rng.split('buckets').key[0];
    for await (const { pairs, count } of source) {
      if (signal?.aborted) throw new AbortedError('shuffle: aborted');
      for (let i = 0; i < count; i++) {
        let u = pairs[2 * i]!;
        let v = pairs[2 * i + 1]!;
        if (u > v && dedupe) [u, v] = [v, u];
        if ((u | v) < 0) {
          const bad = Math.min(u, v);
          throw new DataError(`edges: vertex ids must not be negative, got ${bad}; number vertices from 0`);
        }
        if (u > largest) largest = u;
        if (v > largest) largest = v;
        if (u === v && dedupe) continue;
        const writer = writers[bucketOf(u, v, salt, buckets)]!;
        writer.push(u, v);
        if (writer.isFull) await writer.flush();
      }
    }
  } finally {
    for (const writer of writers) await writer.close();
  }
  const out = await EdgeWriter.create(target);
  try {
    const random = new Sequence(rng.split('order'));
    for (let b = 0; b < buckets; b++) {
      if (signal?.aborted) throw new AbortedError('shuffle: aborted');
      if (writers[b]!.edges > 0) {
        const pairs = new Int32Array(2 * writers[b]!.edges);
        for await (const _ of edgeChunks(path(b), pairs, signal));
        const kept = dedupe ? withoutRepeats(pairs, largest + 1) : pairs;
        shufflePairs(kept, random);
        await out.write(kept);
      }
      await rm(path(b));
    }
  } finally {
    await out.close();
  }
  return { edges: out.edges, numVertices: largest + 1 };
}

/** Fisher-Yates on pairs, in place. */
export function shufflePairs(pairs: Int32Array, random: Sequence): void {
  for (let i = pairs.length / 2 - 1; i > 0; i--) {
    const j = random.below(i + 1);
    const u = pairs[2 * i]!;
    const v = pairs[2 * i + 1]!;
    pairs[2 * i] = pairs[2 * j]!;
    pairs[2 * i + 1] = pairs[2 * j + 1]!;
    pairs[2 * j] = u;
    pairs[2 * j + 1] = v;
  }
}

function withoutRepeats(all: Int32Array<ArrayBuffer>, n: number): Int32Array {
  const edges = { pairs: all, weights: undefined };
  sortEdges(edges, n);
  const { pairs } = edges;
  let kept = 0;
  for (let i = 0; i < pairs.length; i += 2) {
    if (kept > 0 && pairs[i] === pairs[kept - 2] && pairs[i + 1] === pairs[kept - 1]) continue;
    pairs[kept++] = pairs[i]!;
    pairs[kept++] = pairs[i + 1]!;
  }
  return pairs.subarray(0, kept);
}

function bucketOf(u: number, v: number, salt: number, buckets: number): number {
  let h = Math.imul(u ^ salt, 0x9e3779b1) ^ Math.imul(v + 0x7f4a7c15, 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 16), 0xc2b2ae35);
  h ^= h >>> 15;
  return Math.floor(((h >>> 0) / 2 ** 32) * buckets);
}
