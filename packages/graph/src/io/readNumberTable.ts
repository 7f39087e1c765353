/** Rectangular tables of numbers, as OGB stores features, labels and splits: one row per line, comma or blank between. */
import { OptionError, sharedFloat32, sharedInt32 } from '@strata-ml/core';
import { GrowableFloat32, GrowableInt32 } from '../csr/growable.js';
import type { ReadControl } from './lineBlocks.js';
import { forEachLine } from './TextCursor.js';

/** Options of {@link readNumberTable}. */
export interface NumberTableOptions extends ReadControl {
  /** Element type of `values`; `int32` refuses fractions. @defaultValue `'float32'` */
  readonly dtype?: 'float32' | 'int32';
  /** What a NaN becomes. @defaultValue none: NaN is an error */
  readonly missing?: number;
  /** Rows the file must have. @defaultValue any */
  readonly rows?: number;
}

/** A table of numbers, row-major `[rows, columns]`, in shared memory. */
export interface NumberTable<A extends Float32Array | Int32Array> {
  readonly rows: number;
  readonly columns: number;
  readonly values: A;
}

/**
 * Reads a table of numbers; the first row sets the number of columns. Blank lines are skipped, gzip is recognised.
 *
 * @throws `DataError` `<path>:<line>: …` for a cell that is no number, NaN or infinite, a row of another length,
 * or another number of rows than asked for.
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readNumberTable(
  path: string,
  options: NumberTableOptions & { readonly dtype: 'int32' },
): Promise<NumberTable<Int32Array>>;
export async function readNumberTable(path: string, options?: NumberTableOptions): Promise<NumberTable<Float32Array>>;
export async function readNumberTable(
  path: string,
  options: NumberTableOptions = {},
): Promise<NumberTable<Float32Array | Int32Array>> {
  const { dtype = 'float32', missing } = options;
  if (dtype !== 'float32' && dtype !== 'int32') {
    throw new OptionError('readNumberTable', 'dtype', dtype, "'float32' or 'int32'");
  }
  const isInteger = dtype === 'int32';
  const cells = isInteger ? new GrowableInt32() : new GrowableFloat32();
  let rows = 0;
  let columns = 0;
  const cursor = await forEachLine(path, options, '', (line) => {
    if (!line.hasToken()) return;
    const begin = cells.length;
    do {
      const what = `column ${cells.length - begin + 1}`;
      let value = line.readNumber(what);
      if (Number.isNaN(value) && missing !== undefined) value = missing;
      if (!Number.isFinite(value)) {
        throw line.error(`${what} must be finite, got ${value}; replace or impute missing values first`);
      }
      if (isInteger && (value | 0) !== value) throw line.error(`${what} must be a 32-bit integer, got ${value}`);
      cells.push(value);
    } while (line.hasToken());
    if (rows++ === 0) columns = cells.length;
    if (cells.length - begin !== columns) {
      throw line.error(`row must have ${columns} columns as the first has, got ${cells.length - begin}`);
    }
  });
  if (options.rows !== undefined && rows !== options.rows) {
    throw cursor.error(`file must hold ${options.rows} rows, one per vertex, got ${rows}`);
  }
  const values = isInteger ? sharedInt32(cells.length) : sharedFloat32(cells.length);
  values.set(cells.view());
  return { rows, columns, values };
}
