/** Reads the gzip-compressed binary arrays of the common layout into shared memory. */
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { DataError } from '@strata-ml/core';

const gunzipAsync = promisify(gunzip);

/** Element types of the layout, by the letters in file names. */
export interface ArrayTypes {
  readonly i32: Int32Array;
  readonly f32: Float32Array;
  readonly u8: Uint8Array;
}

const constructors = { i32: Int32Array, f32: Float32Array, u8: Uint8Array } as const;

/** Reads a file; a missing one is a {@link DataError} that names it. */
export async function readBytes(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`${path}: cannot be read (${(cause as Error).message})`, { file: path }, { cause });
  }
}

/**
 * Uncompresses an array of `length` elements (any number if undefined) into shared memory. Little-endian machines only,
 * like everything Node runs on.
 *
 * @throws {@link DataError} if the gzip data are truncated or damaged, or hold another number of elements.
 */
export async function readArray<T extends keyof ArrayTypes>(
  path: string,
  type: T,
  length: number | undefined,
): Promise<ArrayTypes[T]> {
  const compressed = await readBytes(path);
  const create = constructors[type];
  const size = create.BYTES_PER_ELEMENT;
  const limit = length === undefined ? 2 ** 31 : length * size + 1;
  let bytes: Buffer;
  try {
    bytes = await gunzipAsync(compressed, { maxOutputLength: Math.max(1, limit) });
  } catch (cause) {
    const tooLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const what = tooLong ? `must hold ${length} × ${size} bytes, got more` : 'gzip data are truncated or damaged';
    throw new DataError(`${path}: ${what} (${(cause as Error).message})`, { file: basename(path) }, { cause });
  }
  if (length === undefined ? bytes.length % size !== 0 : bytes.length !== length * size) {
    throw new DataError(
      `${path}: array must hold ${length ?? 'a whole number of elements'} × ${size} bytes, got ${bytes.length} bytes`,
      { file: basename(path), bytes: bytes.length },
    );
  }
  const shared = new SharedArrayBuffer(bytes.length);
  new Uint8Array(shared).set(bytes);
  const make = create as unknown as new (buffer: SharedArrayBuffer) => ArrayTypes[T];
  return new make(shared);
}

/** Throws a {@link DataError} at the first element outside [low, high]. */
export function checkRange(file: string, what: string, data: Int32Array, low: number, high: number): void {
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    if (!(value >= low && value <= high)) {
      throw new DataError(`${file}: ${what} must be in ${low} … ${high}, got ${value} at index ${i}`, {
        file,
        index: i,
      });
    }
  }
}

/** Throws a {@link DataError} at the first NaN or infinity. */
export function checkFinite(file: string, data: Float32Array): void {
  for (let i = 0; i < data.length; i++) {
    if (!Number.isFinite(data[i]!)) {
      throw new DataError(`${file}: values must be finite, got ${data[i]} at index ${i}`, { file, index: i });
    }
  }
}

/** Checks compressed rows: pointers from 0 to `nnz` without a step back, columns in 0 … cols−1, ascending in a row. */
export function checkRows(file: string, indptr: Int32Array, indices: Int32Array, cols: number): void {
  if (indptr[0] !== 0)
    throw new DataError(`${file}: row pointers must start at 0, got ${indptr[0]}`, { file, index: 0 });
  for (let r = 0; r + 1 < indptr.length; r++) {
    const [begin, end] = [indptr[r]!, indptr[r + 1]!];
    if (end < begin || end > indices.length) {
      throw new DataError(
        `${file}: row pointers must not fall and stay within ${indices.length}, got ${end} after ${begin} at index ${r + 1}`,
        { file, index: r + 1 },
      );
    }
    for (let e = begin; e < end; e++) {
      const column = indices[e]!;
      if (!(column >= 0 && column < cols && (e === begin || column > indices[e - 1]!))) {
        throw new DataError(
          `${file}: columns of row ${r} must ascend within 0 … ${cols - 1}, got ${column} at index ${e}`,
          { file, index: e },
        );
      }
    }
  }
  const last = indptr[indptr.length - 1]!;
  if (last !== indices.length) {
    throw new DataError(`${file}: row pointers must end at ${indices.length}, got ${last}`, { file });
  }
}
