/**
 * Binary edge files: little-endian int32 pairs (source, destination), 8 bytes an edge, no header.
 *
 * The layout of `numpy.tofile` and of `edges.i32.gz` in data folders. Read and written piece by piece.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { AbortedError, DataError } from '@strata-ml/core';

/** Bytes of an edge. */
export const EDGE_BYTES = 8;
const WRITE_EDGES = 1 << 15;

/** True if the name says that a file holds binary edges: `.i32`, `.bin` or `.edges`, maybe `.gz`. */
export function isBinaryEdgePath(path: string): boolean {
  return /\.(i32|bin|edges)(\.gz)?$/i.test(path);
}

/** A binary edge file on disk and what is known of it. */
export interface EdgeFile {
  readonly path: string;
  readonly edges: number;
  readonly numVertices: number;
}

/** Pairs of a piece of the file; only valid until the next piece is asked for. */
export interface EdgeChunk {
  /** source, destination, source, … int32 `[2 · count]`. */
  readonly pairs: Int32Array;
  readonly count: number;
}

/**
 * Reads a binary edge file in pieces of `buffer.length / 2` edges, each whole but the last.
 *
 * @throws {@link DataError} if the file is missing, or its length is no multiple of 8 bytes.
 * @throws {@link AbortedError} if `signal` is aborted.
 */
export async function* edgeChunks(
  path: string,
  buffer: Int32Array<ArrayBuffer>,
  signal?: AbortSignal,
): AsyncGenerator<EdgeChunk> {
  const file = await openEdges(path);
  try {
    const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    for (let position = 0; ; ) {
      if (signal?.aborted) throw new AbortedError(`${path}: reading aborted`);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(
          bytes,
          filled,
          Math.min(bytes.length - filled, 1 << 24),
          position + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      if (filled === 0) return;
      position += filled;
      const count = filled / EDGE_BYTES;
      yield { pairs: buffer.subarray(0, 2 * count), count };
    }
  } finally {
    await file.close();
  }
}

/** Edges of a file, from its length. @throws {@link DataError} */
export async function countEdges(path: string): Promise<number> {
  const file = await openEdges(path);
  const { size } = await file.stat();
  await file.close();
  return size / EDGE_BYTES;
}

async function openEdges(path: string): Promise<FileHandle> {
  const file = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `${path}: file must exist and be readable, got ${cause.code}; check the path`,
      { path },
      { cause },
    );
  });
  const { size } = await file.stat();
  if (size % EDGE_BYTES === 0 && size > 0) return file;
  await file.close();
  throw new DataError(`${path}: length must be a positive multiple of ${EDGE_BYTES} bytes (int32 pairs), got ${size}`, {
    path,
  });
}

/** Appends edges to a new file through a small buffer. */
export class EdgeWriter {
  readonly #file: FileHandle;
  readonly #pairs = new Int32Array(2 * WRITE_EDGES);
  #filled = 0;
  edges = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Creates the file; one that exists is replaced. */
  static async create(path: string): Promise<EdgeWriter> {
    return new EdgeWriter(await open(path, 'w'));
  }

  get isFull(): boolean {
    return this.#filled === this.#pairs.length;
  }

  /** Adds an edge; the writer must not be full. */
  push(source: number, destination: number): void {
    this.#pairs[this.#filled++] = source;
    this.#pairs[this.#filled++] = destination;
    this.edges++;
  }

  /** Writes what was pushed. */
  async flush(): Promise<void> {
    if (this.#filled > 0) await this.#file.writeFile(new Uint8Array(this.#pairs.buffer, 0, 4 * this.#filled));
    this.#filled = 0;
  }

  /** Writes whole pairs at once. */
  async write(pairs: Int32Array): Promise<void> {
    await this.flush();
    await this.#file.writeFile(new Uint8Array(pairs.buffer, pairs.byteOffset, pairs.byteLength));
    this.edges += pairs.length / 2;
  }

  /** Flushes and closes; with `sync`, the bytes are on the disk then. */
  async close(sync = false): Promise<void> {
    try {
      await this.flush();
      if (sync) await this.#file.sync();
    } finally {
      await this.#file.close();
    }
  }
}
