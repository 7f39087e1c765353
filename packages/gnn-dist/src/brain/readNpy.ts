/** NumPy's array files, as far as time series need them. */
import { readFileSync } from 'node:fs';
import { DataError } from '@strata-ml/core';

const readers: Readonly<Record<string, { bytes: number; read: (view: DataView, at: number) => number }>> = {
  '<f4': { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  '<f8': { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
};

/**
 * Reads a matrix of little-endian float32 or float64, in C or Fortran order.
 *
 * @returns float32 `[rows, columns]`, row-major
 * @throws {@link DataError} for another type or rank, or a file shorter than its header says.
 */
export function readNpy(path: string): { data: Float32Array; rows: number; columns: number } {
  const file = readFileSync(path);
  if (file.subarray(0, 6).toString('latin1') !== '\x93NUMPY') {
    throw new DataError(`${path}: must be a NumPy file, its first bytes are not`);
  }
  const isOld = file[6] === 1;
  const start = isOld ? 10 : 12;
  const length = isOld ? file.readUInt16LE(8) : file.readUInt32LE(8);
  const header = file.subarray(start, start + length).toString('latin1');
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? '';
  const shape = (/'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? '')
    .split(',')
    .map((s) => s.trim())
    .filter((s) => s !== '');
  const reader = readers[type];
  if (!reader || shape.length !== 2) {
    throw new DataError(
      `${path}: must hold a matrix of <f4 or <f8, got ${type || 'no type'} of shape (${shape.join(', ')})`,
    );
  }
  const [rows, columns] = [Number(shape[0]), Number(shape[1])];
  const begin = start + length;
  if (file.length < begin + rows * columns * reader.bytes) {
    throw new DataError(
      `${path}: must have ${rows * columns * reader.bytes} bytes of data, got ${file.length - begin}`,
    );
  }
  const isFortran = /'fortran_order':\s*True/.test(header);
  const view = new DataView(file.buffer, file.byteOffset + begin);
  const data = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      data[r * columns + c] = reader.read(view, (isFortran ? c * rows + r : r * columns + c) * reader.bytes);
    }
  }
  return { data, rows, columns };
}
