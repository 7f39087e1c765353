/**
 * Reads and writes safetensors files, the exchange format of model weights: 8 bytes of header length (little-endian),
 * a JSON header, then the tensors' bytes without gaps. Reading never runs code from the file.
 *
 * Format: https://github.com/huggingface/safetensors. Files written here open in its Python package and back.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import { fromBfloat16, fromFloat16 } from './halfPrecision.js';
import { elementBytes, parseHeader, type SafetensorsType, type TensorEntry } from './layout.js';

/** A tensor to write: float32, float64, int32 or uint8 values of a shape, row by row. */
export interface TensorToSave {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

/** A tensor that was read; F16 and BF16 come as float32, I64 as bigint. */
export interface LoadedTensor {
  /** Type in the file. */
  readonly dtype: SafetensorsType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array | BigInt64Array;
}

/** Content of a safetensors file. */
export interface SafetensorsFile {
  readonly tensors: Readonly<Record<string, LoadedTensor>>;
  /** The header's free strings. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * Lays tensors out in safetensors format. Larger element types come first and names ascend within a type, as the
 * reference writer does, so every tensor is aligned to its element; the header is padded with spaces to 8 bytes.
 *
 * @throws {@link ShapeError} if a tensor's data does not fill its shape.
 * @throws {@link OptionError} for the reserved name `__metadata__`.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, TensorToSave>>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const order = Object.entries(tensors)
    .map(([name, { shape, data }]) => ({ name, shape, data, dtype: typeOf(data) }))
    .sort((a, b) => elementBytes[b.dtype] - elementBytes[a.dtype] || (a.name < b.name ? -1 : 1));
  const header: Record<string, unknown> = Object.create(null);
  if (Object.keys(metadata).length > 0) header.__metadata__ = metadata;
  let offset = 0;
  for (const { name, shape, data, dtype } of order) {
    if (name === '__metadata__') throw new OptionError('encodeSafetensors', 'tensor name', name, 'another name');
    const size = shape.reduce((a, b) => a * b, 1);
    if (size !== data.length) {
      throw new ShapeError('encodeSafetensors', `data of ${name}`, [data.length], `[${size}]`);
    }
    header[name] = { dtype, shape, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const text = new TextEncoder().encode(JSON.stringify(header));
  const headerBytes = Math.ceil(text.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + offset);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(text, 8);
  let at = 8 + headerBytes;
  for (const { data } of order) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return file;
}

/**
 * Reads safetensors bytes into copies.
 *
 * @param where - file name, for messages
 * @throws {@link DataError} if the file is truncated, tensors overlap or leave gaps, or an element type is unknown.
 */
export function decodeSafetensors(bytes: Uint8Array, where = 'decodeSafetensors'): SafetensorsFile {
  const { entries, metadata, dataOffset } = parseHeader(bytes, where);
  const tensors: Record<string, LoadedTensor> = Object.create(null);
  for (const entry of entries) {
    const { name, dtype, shape, begin, end } = entry;
    // A copy of its own, so aligned; not `slice`, which on a Buffer would be a view.
    const own = new Uint8Array(end - begin);
    own.set(bytes.subarray(dataOffset + begin, dataOffset + end));
    tensors[name] = { dtype, shape, data: elements(entry, own) };
  }
  return { tensors, metadata };
}

/**
 * Writes a safetensors file: to a temporary name beside it, fsync, rename. A crash leaves the old file or the new one,
 * never half of one.
 *
 * @param metadata - free strings for the header
 */
export function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, TensorToSave>>,
  metadata: Readonly<Record<string, string>> = {},
): void {
  writeAtomically(path, encodeSafetensors(tensors, metadata));
}

/**
 * Reads a safetensors file whole.
 *
 * @throws {@link DataError} if it cannot be read or breaks the format; the message names the file.
 */
export function loadSafetensors(path: string): SafetensorsFile {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new DataError(`${path}: cannot be read (${(cause as Error).message})`, { file: path }, { cause });
  }
  return decodeSafetensors(bytes, path);
}

function typeOf(data: TensorToSave['data']): SafetensorsType {
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof Float32Array) return 'F32';
  return data instanceof Int32Array ? 'I32' : 'U8';
}

/** Views a tensor's own copy of its bytes as its elements. */
function elements({ dtype }: TensorEntry, { buffer }: Uint8Array<ArrayBuffer>): LoadedTensor['data'] {
  switch (dtype) {
    case 'F64':
      return new Float64Array(buffer);
    case 'F32':
      return new Float32Array(buffer);
    case 'F16':
      return fromFloat16(new Uint16Array(buffer));
    case 'BF16':
      return fromBfloat16(new Uint16Array(buffer));
    case 'I64':
      return new BigInt64Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'U8':
      return new Uint8Array(buffer);
  }
}

let temporaryFiles = 0;

function writeAtomically(path: string, bytes: Uint8Array): void {
  const temporary = `${path}.${process.pid}-${threadId}-${++temporaryFiles}.tmp`;
  let isOpened = false;
  try {
    const file = openSync(temporary, 'wx');
    isOpened = true;
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (cause) {
    if (isOpened) rmSync(temporary, { force: true });
    throw new DataError(`${path}: cannot be written (${(cause as Error).message})`, { file: path }, { cause });
  }
  syncFolder(dirname(path));
}

/** Makes the rename itself durable; some systems refuse to open a folder, which is no reason to fail. */
function syncFolder(folder: string): void {
  try {
    const handle = openSync(folder, 'r');
    try {
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
  } catch {
    // The data itself is on disk already.
  }
}
