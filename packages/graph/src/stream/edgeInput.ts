/** Makes a binary edge file in random order of what users have: text, gzip, binary, sorted or not, or edges from code. */

import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AbortedError, DataError, OptionError, type Rng } from '@strata-ml/core';
import { EdgeListParser } from '../io/EdgeListParser.js';
import { lineBlocks } from '../io/lineBlocks.js';
import { countEdges, type EdgeChunk, type EdgeFile, EdgeWriter, edgeChunks, isBinaryEdgePath } from './edgeFile.js';
import { isRandomOrder } from './edgeOrder.js';
import { shuffleEdges } from './shuffleEdges.js';
import type { TemporaryPath } from './TemporaryFolder.js';

/** Edges from code: pieces of (source, destination, …) pairs. */
export type EdgePieces = AsyncIterable<Int32Array | Uint32Array>;

/** When to bring the edges into random order first. */
export type ShuffleChoice = 'auto' | 'always' | 'never';

/** Options of {@link prepareEdges}. */
export interface EdgeInputOptions {
  readonly numVertices?: number | undefined;
  readonly shuffle: ShuffleChoice;
  readonly dedupe: boolean;
  readonly memoryEdges: number;
  readonly rng: Rng;
  readonly signal?: AbortSignal | undefined;
}

/** The edges to stream, and what had to be done for it. */
export interface PreparedEdges extends EdgeFile {
  /** The order was not random, or not trusted: the file is a shuffled copy. */
  readonly shuffled: boolean;
}

const READ_EDGES = 1 << 16;

/** Leaves a plain binary file in random order where it is; writes temporary copies of everything else. */
export async function prepareEdges(
  source: string | EdgePieces,
  temporary: TemporaryPath,
  { numVertices, shuffle, dedupe, memoryEdges, rng, signal }: EdgeInputOptions,
): Promise<PreparedEdges> {
  const isPlain = typeof source === 'string' && isBinaryEdgePath(source) && !source.endsWith('.gz');
  let path = isPlain ? source : temporary('edges.i32');
  let largest = -1;
  if (!isPlain) {
    const out = await EdgeWriter.create(path);
    try {
      for await (const chunk of typeof source === 'string' ? fileChunks(source, signal) : pieceChunks(source)) {
        if (signal?.aborted) throw new AbortedError('edges: reading aborted');
        largest = Math.max(largest, largestId(chunk));
        await out.write(chunk.pairs.subarray(0, 2 * chunk.count));
      }
    } finally {
      await out.close();
    }
    if (out.edges === 0) throw new DataError(`${nameOf(source)}: there must be at least one edge, got none`);
  }
  let edges = await countEdges(path);
  const mustShuffle =
    dedupe || shuffle === 'always' || (shuffle === 'auto' && !(await isRandomOrder(path, edges, rng)));
  if (mustShuffle) {
    const target = temporary('shuffled.i32');
    const chunks = edgeChunks(path, new Int32Array(2 * READ_EDGES), signal);
    const done = await shuffleEdges(chunks, target, temporary, {
      expectedEdges: edges,
      memoryEdges,
      dedupe,
      rng: rng.split('shuffle'),
      signal,
    });
    path = target;
    edges = done.edges;
    largest = done.numVertices - 1;
  } else if (largest < 0 && numVertices === undefined) {
    for await (const chunk of edgeChunks(path, new Int32Array(2 * READ_EDGES), signal)) {
      largest = Math.max(largest, largestId(chunk));
    }
  }
  const n = numVertices ?? largest + 1;
  if (n <= largest) {
    throw new OptionError('edges', 'numVertices', n, `above the largest id, ${largest}`);
  }
  if (edges === 0) throw new DataError(`${nameOf(source)}: there must be an edge between two vertices, got none`);
  return { path, edges, numVertices: n, shuffled: mustShuffle };
}

const nameOf = (source: string | EdgePieces) => (typeof source === 'string' ? source : 'edges');

/** @throws {@link DataError} for a negative id. */
function largestId({ pairs, count }: EdgeChunk): number {
  let largest = -1;
  for (let i = 0; i < 2 * count; i++) {
    const id = pairs[i]!;
    if (id < 0) throw new DataError(`edges: vertex ids must not be negative, got ${id}; number vertices from 0`);
    if (id > largest) largest = id;
  }
  return largest;
}

async function* pieceChunks(pieces: EdgePieces): AsyncGenerator<EdgeChunk> {
  for await (const piece of pieces) {
    if (piece.length % 2 !== 0) throw new DataError(`edges: pieces must hold pairs, got ${piece.length} numbers`);
    yield { pairs: new Int32Array(piece.buffer, piece.byteOffset, piece.length), count: piece.length / 2 };
  }
}

async function* fileChunks(path: string, signal?: AbortSignal): AsyncGenerator<EdgeChunk> {
  if (isBinaryEdgePath(path)) {
    yield* gunzippedChunks(path);
    return;
  }
  const parser = new EdgeListParser(path, { limit: undefined, compactIds: false, skipLines: 0, weights: false });
  for await (const { bytes, end } of lineBlocks(path, signal ? { signal } : {})) {
    parser.parse(bytes, end);
    yield parser.take();
  }
}

async function* gunzippedChunks(path: string): AsyncGenerator<EdgeChunk> {
  await stat(path).catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `${path}: file must exist and be readable, got ${cause.code}; check the path`,
      { path },
      { cause },
    );
  });
  const pairs = new Int32Array(2 * READ_EDGES);
  const bytes = new Uint8Array(pairs.buffer);
  let filled = 0;
  const stream = pipeline(createReadStream(path), createGunzip({ chunkSize: 1 << 18 }), () => {});
  try {
    for await (const data of stream) {
      let chunk = data as Buffer;
      while (chunk.length > 0) {
        const taken = Math.min(chunk.length, bytes.length - filled);
        bytes.set(chunk.subarray(0, taken), filled);
        chunk = chunk.subarray(taken);
        filled += taken;
        if (filled < bytes.length) continue;
        yield { pairs, count: READ_EDGES };
        filled = 0;
      }
    }
  } catch (cause) {
    if (!(cause as NodeJS.ErrnoException).code?.startsWith('Z_')) throw cause;
    throw new DataError(`${path}: gzip data must be intact; copy or download it again`, { path }, { cause });
  }
  if (filled % 8 !== 0) throw new DataError(`${path}: length must be a multiple of 8 bytes, int32 pairs`, { path });
  if (filled > 0) yield { pairs, count: filled / 8 };
}
