/** The IDX files of MNIST and Fashion-MNIST. http://yann.lecun.com/exdb/mnist/ describes the format. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DataError } from '@strata-ml/core';

/** An array of bytes with its shape. */
export interface IdxArray {
  readonly shape: readonly number[];
  /** Row-major, product of `shape` long. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 8;

/**
 * Reads a gzipped IDX file of unsigned bytes.
 *
 * @throws {@link DataError} if the file is no such file or is cut short.
 */
export function readIdx(path: string): IdxArray {
  const bytes = gunzipSync(readFileSync(path));
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== UNSIGNED_BYTE) {
    throw new DataError(`${path} must be an IDX file of unsigned bytes, got magic ${bytes.toString('hex', 0, 4)}`);
  }
  const rank = bytes[3]!;
  const shape = Array.from({ length: rank }, (_, d) => bytes.readUInt32BE(4 + 4 * d));
  const values = bytes.subarray(4 + 4 * rank);
  const length = shape.reduce((product, size) => product * size, 1);
  if (values.length !== length) {
    throw new DataError(`${path} must hold ${length} values of shape [${shape}], got ${values.length}`);
  }
  return { shape, values };
}
