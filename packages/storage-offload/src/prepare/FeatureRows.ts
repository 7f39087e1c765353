/** Where input features come from: any rows, in any order, into memory that the caller gives; never a second whole copy. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { DataError, OptionError, Rng, ShapeError } from '@strata-ml/core';
import { type Csr, philox4x32 } from '@strata-ml/kernels';

/** Rows of a feature matrix `[N, columns]`. */
export interface FeatureRows {
  /** d₀. */
  readonly columns: number;
  /** N, if the source knows. */
  readonly rows: number | undefined;
  /** Equal for equal contents: part of the key of a prepared graph. */
  readonly identity: string;
  /**
   * Writes rows `ids` into `out`, row by row.
   *
   * @param ids - vertices by their old ids, ascending. int32 `[k]`
   * @param out - float32 `[k · columns]`, overwritten
   */
  read(ids: Int32Array, out: Float32Array): void | Promise<void>;
}

/**
 * Features in memory, row by row. float32 `[N · columns]`.
 *
 * @throws {@link ShapeError} if the length is no multiple of `columns`.
 */
export function denseFeatures(values: Float32Array, columns: number): FeatureRows {
  checkColumns('denseFeatures', columns);
  if (values.length % columns !== 0) {
    throw new ShapeError('denseFeatures', 'values', [values.length], `[N · ${columns}]`);
  }
  return {
    columns,
    rows: values.length / columns,
    identity: `dense:${columns}:${hashOf(values)}`,
    read(ids, out) {
      for (let i = 0; i < ids.length; i++) {
        const from = ids[i]! * columns;
        out.set(values.subarray(from, from + columns), i * columns);
      }
    },
  };
}

/** Sparse features in memory, written out as dense rows. */
export function sparseFeatures({ rows, cols: columns, indptr, indices, values }: Csr): FeatureRows {
  checkColumns('sparseFeatures', columns);
  return {
    columns,
    rows,
    identity: `sparse:${columns}:${hashOf(indptr, indices, ...(values ? [values] : []))}`,
    read(ids, out) {
      out.fill(0);
      for (let i = 0; i < ids.length; i++) {
        const v = ids[i]!;
        for (let e = indptr[v]!, end = indptr[v + 1]!; e < end; e++) {
          out[i * columns + indices[e]!] = values ? values[e]! : 1;
        }
      }
    },
  };
}

/**
 * Features that are noise, uniform in [−1, 1): for graphs that have none. A value depends on seed, vertex and column only,
 * and none is ever stored but in the prepared graph.
 */
export function randomFeatures(columns: number, seed = 1): FeatureRows {
  checkColumns('randomFeatures', columns);
  const [k0, k1] = new Rng(seed).split('features').key;
  const words = new Uint32Array(4);
  return {
    columns,
    rows: undefined,
    identity: `random:${columns}:${seed}`,
    read(ids, out) {
      for (let i = 0; i < ids.length; i++) {
        for (let c = 0; c < columns; c++) {
          if (c % 4 === 0) philox4x32(words, k0, k1, c / 4, ids[i]!, 0, 0);
          out[i * columns + c] = words[c % 4]! / 2 ** 31 - 1;
        }
      }
    },
  };
}

/** Bytes read at once from a feature file: rows that lie close together come with one read. */
const WINDOW = 256 * 1024;

/**
 * Features in a file of little-endian float32, row by row, without a header (`numpy.tofile`). The file is read through a
 * window of 256 KiB while the graph is prepared.
 *
 * @throws {@link DataError} if the file is missing or its length is no whole number of rows.
 */
export async function fileFeatures(path: string, columns: number): Promise<FeatureRows> {
  checkColumns('fileFeatures', columns);
  const rowBytes = 4 * columns;
  const file = await openRows(path);
  const { size, mtimeMs } = await file.stat().finally(() => file.close());
  if (size % rowBytes !== 0) {
    throw new DataError(`${path}: length must be a multiple of ${rowBytes} bytes, one row, got ${size}`, { path });
  }
  return {
    columns,
    rows: size / rowBytes,
    // Hashing a file larger than memory would cost a pass of its own.
    identity: `file:${columns}:${path}:${size}:${mtimeMs}`,
    async read(ids, out) {
      const rowsAtOnce = Math.max(1, Math.floor(WINDOW / rowBytes));
      const window = new Float32Array(rowsAtOnce * columns);
      const bytes = new Uint8Array(window.buffer);
      const source = await openRows(path);
      try {
        let first = 0;
        let count = 0;
        for (let i = 0; i < ids.length; i++) {
          const v = ids[i]!;
          if (v < first || v >= first + count) {
            first = v;
            count = Math.min(rowsAtOnce, size / rowBytes - v);
            await readExactly(source, bytes.subarray(0, count * rowBytes), first * rowBytes, path);
          }
          const at = (v - first) * columns;
          out.set(window.subarray(at, at + columns), i * columns);
        }
      } finally {
        await source.close();
      }
    },
  };
}

async function openRows(path: string): Promise<FileHandle> {
  return open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    throw new DataError(
      `${path}: file must exist and be readable, got ${cause.code}; check the path`,
      { path },
      { cause },
    );
  });
}

async function readExactly(file: FileHandle, into: Uint8Array, position: number, path: string): Promise<void> {
  for (let filled = 0; filled < into.length; ) {
    const { bytesRead } = await file.read(into, filled, into.length - filled, position + filled);
    if (bytesRead === 0) throw new DataError(`${path}: ends at byte ${position + filled}; it was cut off`, { path });
    filled += bytesRead;
  }
}

function checkColumns(where: string, columns: number): void {
  if (!Number.isSafeInteger(columns) || columns < 1) throw new OptionError(where, 'columns', columns, 'an integer ≥ 1');
}

/** SHA-256 of the arrays, hexadecimal. */
export function hashOf(...arrays: readonly ArrayBufferView[]): string {
  const hash = createHash('sha256');
  for (const { buffer, byteOffset, byteLength } of arrays) hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex').slice(0, 32);
}
