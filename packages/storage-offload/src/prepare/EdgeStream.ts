/** Edges that can be walked through more than once, in pieces: of a graph in memory, or of a file of any size. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { AbortedError, DataError, OptionError } from '@strata-ml/core';
import type { CsrGraph } from '@strata-ml/graph';
import { hashOf } from './FeatureRows.js';

/** A replayable stream of directed edges. */
export interface EdgeStream {
  /** N. */
  readonly vertices: number;
  /** Pairs in a pass; duplicates and self-loops count. */
  readonly edges: number;
  /** True if every pair stands for both directions. */
  readonly symmetrize: boolean;
  /** Hash of the edges, hexadecimal. */
  readonly hash: string;
  /** The graph, where it is in memory anyway. */
  readonly graph: CsrGraph | undefined;
  /** The file, where it is one. */
  readonly path: string | undefined;
  /** Pieces of (source, destination, …) pairs, each only valid until the next one is asked for. */
  pieces(signal?: AbortSignal): AsyncIterable<Int32Array>;
}

/** A file of int32 pairs (source, destination), little-endian, without a header. */
export interface EdgeFileSource {
  readonly path: string;
  /** @defaultValue largest id + 1 */
  readonly vertices?: number;
  /** Take every pair in both directions. @defaultValue `true` */
  readonly symmetrize?: boolean;
}

const PIECE_EDGES = 1 << 16;

/** Streams a graph in memory; nothing is copied but one piece. */
export function graphStream(graph: CsrGraph): EdgeStream {
  const { numVertices, indptr, indices } = graph;
  return {
    vertices: numVertices,
    edges: indices.length,
    symmetrize: false,
    hash: hashOf(indptr, indices),
    graph,
    path: undefined,
    async *pieces(signal) {
      const pairs = new Int32Array(2 * PIECE_EDGES);
      let filled = 0;
      for (let v = 0; v < numVertices; v++) {
        for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
          pairs[filled++] = indices[e]!;
          pairs[filled++] = v;
          if (filled < pairs.length) continue;
          checkAbort(signal);
          yield pairs;
          filled = 0;
        }
      }
      checkAbort(signal);
      if (filled > 0) yield pairs.subarray(0, filled);
    },
  };
}

/**
 * Streams a binary edge file; one pass finds its hash, and its largest id.
 *
 * @throws {@link DataError} for a missing file, one that is no list of pairs, or an id that is negative or no vertex.
 */
export async function fileStream(source: EdgeFileSource, signal?: AbortSignal): Promise<EdgeStream> {
  const { path, vertices, symmetrize = true } = source;
  if (vertices !== undefined && !(Number.isSafeInteger(vertices) && vertices >= 1)) {
    throw new OptionError('prepareGraph', 'vertices', vertices, 'an integer ≥ 1');
  }
  const hash = createHash('sha256');
  const limit = vertices ?? 2 ** 31 - 1;
  let largest = -1;
  let edges = 0;
  for await (const pairs of filePieces(path, signal)) {
    hash.update(new Uint8Array(pairs.buffer, pairs.byteOffset, pairs.byteLength));
    edges += pairs.length / 2;
    for (const id of pairs) {
      // As uint32, negative ids are the largest.
      if (id >>> 0 >= limit) {
        throw new DataError(`${path}: vertex ids must be in 0 … ${limit - 1}, got ${id}; raise vertices`, { got: id });
      }
      if (id > largest) largest = id;
    }
  }
  return {
    vertices: vertices ?? largest + 1,
    edges,
    symmetrize,
    hash: hash.digest('hex').slice(0, 32),
    graph: undefined,
    path,
    pieces: (later) => filePieces(path, later),
  };
}

/**
 * Largest vertex id of a binary edge file. One pass.
 *
 * @throws {@link DataError} for a missing file, one that is no list of pairs, or a negative id.
 */
export async function largestEdgeId(path: string, signal?: AbortSignal): Promise<number> {
  return (await fileStream({ path }, signal)).vertices - 1;
}

async function* filePieces(path: string, signal?: AbortSignal): AsyncGenerator<Int32Array> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `${path}: file must exist and be readable, got ${cause.code}; check the path`,
      { path },
      { cause },
    );
  });
  try {
    const pairs = new Int32Array(2 * PIECE_EDGES);
    const bytes = new Uint8Array(pairs.buffer);
    for (let position = 0; ; ) {
      checkAbort(signal);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, position + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled % 8 !== 0 || (filled === 0 && position === 0)) {
        throw new DataError(
          `${path}: length must be a positive multiple of 8 bytes (int32 pairs), got ${position + filled}`,
          { path },
        );
      }
      if (filled === 0) return;
      position += filled;
      yield pairs.subarray(0, filled / 4);
    }
  } finally {
    await file.close();
  }
}

function checkAbort(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AbortedError('prepareGraph: aborted');
}
