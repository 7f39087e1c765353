/** Text files as blocks of whole lines, decompressed on the way; memory use does not depend on the file's size. */
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AbortedError, DataError } from '@strata-ml/core';

const CHUNK_BYTES = 1 << 20;
const NEWLINE = 10;

/** How far a reader has come, in bytes of the file as it lies on disk. */
export interface ReadProgress {
  readonly bytesRead: number;
  readonly totalBytes: number;
}

/** What every reader of this package takes. */
export interface ReadControl {
  /** Stops reading within one block (about 1 MiB) with an AbortedError. */
  readonly signal?: AbortSignal;
  /** Called after each block. */
  readonly onProgress?: (progress: ReadProgress) => void;
}

/** Whole lines: `bytes[0 … end − 1]`, the last of them a newline. Only valid until the next block is asked for. */
export interface LineBlock {
  readonly bytes: Uint8Array;
  readonly end: number;
}

/**
 * Reads a file, gzip recognised by its first two bytes, as blocks of whole lines.
 *
 * @throws {@link DataError} if the file is missing, unreadable, empty, or a gzip that is cut short or damaged.
 * @throws {@link AbortedError} if `signal` is aborted.
 */
export async function* lineBlocks(path: string, { signal, onProgress }: ReadControl = {}): AsyncGenerator<LineBlock> {
  const file = await openFile(path);
  try {
    const totalBytes = (await file.stat()).size;
    const magic = new Uint8Array(2);
    const { bytesRead } = await file.read(magic, 0, 2, 0);
    if (bytesRead === 0) throw new DataError(`${path}: file must not be empty, got 0 bytes`, { path });
    const raw = file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, autoClose: false });
    // The callback is needed so that errors reach the loop below instead of the process.
    const isGzip = magic[0] === 0x1f && magic[1] === 0x8b;
    const stream = isGzip ? pipeline(raw, createGunzip({ chunkSize: CHUNK_BYTES }), () => {}) : raw;
    let work = new Uint8Array(2 * CHUNK_BYTES);
    let filled = 0;
    for await (const data of stream) {
      if (signal?.aborted) throw new AbortedError(`${path}: reading aborted`);
      const chunk = data as Buffer;
      if (filled + chunk.length + 1 > work.length) {
        const larger = new Uint8Array(2 * (filled + chunk.length + 1));
        larger.set(work.subarray(0, filled));
        work = larger;
      }
      work.set(chunk, filled);
      const lastNewline = chunk.lastIndexOf(NEWLINE);
      const end = filled + lastNewline + 1;
      filled += chunk.length;
      if (lastNewline < 0) continue;
      yield { bytes: work, end };
      work.copyWithin(0, end, filled);
      filled -= end;
      onProgress?.({ bytesRead: raw.bytesRead, totalBytes });
    }
    if (filled > 0) {
      work[filled] = NEWLINE;
      yield { bytes: work, end: filled + 1 };
    }
    if (signal?.aborted) throw new AbortedError(`${path}: reading aborted`);
    onProgress?.({ bytesRead: totalBytes, totalBytes });
  } catch (cause) {
    throw explain(path, cause);
  } finally {
    await file.close();
  }
}

/** First line of a file, at most about 1 KiB of it, without reading on. */
export async function firstLine(path: string): Promise<string> {
  for await (const { bytes, end } of lineBlocks(path)) {
    const length = Math.min(bytes.indexOf(NEWLINE), end, 1024);
    return Buffer.from(bytes.subarray(0, length)).toString('latin1').trimEnd();
  }
  return '';
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r');
    if ((await file.stat()).isDirectory()) {
      await file.close();
      throw new DataError(`${path}: path must name a file, got a folder`, { path });
    }
    return file;
  } catch (cause) {
    throw explain(path, cause);
  }
}

function explain(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException | null)?.code;
  if (code === 'Z_BUF_ERROR') {
    return new DataError(
      `${path}: gzip data must be complete, but the file ends too early; copy or download it again`,
      { path },
      { cause },
    );
  }
  if (code?.startsWith('Z_')) {
    return new DataError(
      `${path}: gzip data must be intact, got ${code}; copy or download it again`,
      { path },
      { cause },
    );
  }
  if (code !== undefined && ['ENOENT', 'EACCES', 'EPERM', 'ENOTDIR', 'EISDIR'].includes(code)) {
    return new DataError(`${path}: file must exist and be readable, got ${code}; check the path`, { path }, { cause });
  }
  return cause;
}
