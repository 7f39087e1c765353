/**
 * Edges sorted into one run per row partition, on the drive: a pass that counts, a pass that scatters. What must fit in
 * memory is one run, never the graph.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import type { EdgeStream } from './EdgeStream.js';
import type { VertexOrder } from './VertexOrder.js';

/** Bytes of an edge in a run. */
const EDGE_BYTES = 8;

/** Runs of renamed (source, destination) pairs by the partition of the destination. */
export class EdgeBuckets {
  /** Pairs in each run, duplicates included. float64 `[P]`. */
  readonly counts: Float64Array;
  readonly #path: string;
  readonly #starts: Float64Array;
  #file: FileHandle | undefined;

  private constructor(path: string, counts: Float64Array) {
    this.#path = path;
    this.counts = counts;
    this.#starts = new Float64Array(counts.length);
    for (let p = 1; p < counts.length; p++) this.#starts[p] = this.#starts[p - 1]! + EDGE_BYTES * counts[p - 1]!;
  }

  /** First pass. Self-loops are left out: every vertex gets its own later. */
  static async count(
    stream: EdgeStream,
    partOf: (vertex: number) => number,
    parts: number,
    folder: string,
    signal?: AbortSignal,
  ): Promise<EdgeBuckets> {
    const counts = new Float64Array(parts);
    for await (const pairs of stream.pieces(signal)) {
      for (let i = 0; i < pairs.length; i += 2) {
        const u = pairs[i]!;
        const v = pairs[i + 1]!;
        if (u === v) continue;
        counts[partOf(v)]!++;
        if (stream.symmetrize) counts[partOf(u)]!++;
      }
    }
    return new EdgeBuckets(join(folder, 'buckets.tmp'), counts);
  }

  /** Second pass. `bufferBytes` are shared by the partitions. */
  async scatter(
    stream: EdgeStream,
    partOf: (vertex: number) => number,
    { position }: VertexOrder,
    bufferBytes: number,
    signal?: AbortSignal,
  ): Promise<void> {
    const parts = this.counts.length;
    const each = Math.max(64, Math.floor(bufferBytes / EDGE_BYTES / parts));
    const buffered = new Int32Array(2 * each * parts);
    const filled = new Int32Array(parts);
    const next = this.#starts.slice();
    const file = await open(this.#path, 'w+');
    this.#file = file;
    const flush = async (p: number): Promise<void> => {
      const bytes = new Uint8Array(buffered.buffer, EDGE_BYTES * each * p, EDGE_BYTES * filled[p]!);
      await file.write(bytes, 0, bytes.length, next[p]!);
      next[p]! += bytes.length;
      filled[p] = 0;
    };
    for await (const pairs of stream.pieces(signal)) {
      for (let i = 0; i < pairs.length; i += 2) {
        const u = pairs[i]!;
        const v = pairs[i + 1]!;
        if (u === v) continue;
        for (let reverse = 0; reverse <= (stream.symmetrize ? 1 : 0); reverse++) {
          const [source, destination] = reverse === 0 ? [u, v] : [v, u];
          const p = partOf(destination);
          const at = 2 * (each * p + filled[p]!++);
          buffered[at] = position[source]!;
          buffered[at + 1] = position[destination]!;
          if (filled[p] === each) await flush(p);
        }
      }
    }
    for (let p = 0; p < parts; p++) if (filled[p]! > 0) await flush(p);
  }

  /** The pairs of a partition. int32 `[2 · counts[p]]`. */
  async read(p: number): Promise<Int32Array> {
    const pairs = new Int32Array(2 * this.counts[p]!);
    const bytes = new Uint8Array(pairs.buffer);
    const file = this.#file!;
    for (let filled = 0; filled < bytes.length; ) {
      // One call reads at most 2 GiB.
      const length = Math.min(bytes.length - filled, 2 ** 30);
      const { bytesRead } = await file.read(bytes, filled, length, this.#starts[p]! + filled);
      if (bytesRead === 0)
        throw new DataError(`${this.#path}: was cut off while it was in use; prepare the graph again`);
      filled += bytesRead;
    }
    return pairs;
  }

  /** Removes the file. */
  async close(): Promise<void> {
    await this.#file?.close();
    await rm(this.#path, { force: true });
  }
}
