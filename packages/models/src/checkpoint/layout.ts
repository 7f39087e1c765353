/** The safetensors file layout: element types, and the checks a header must pass before its bytes are believed. */
import { DataError } from '@strata-ml/core';

/** Element types of the format that this package reads. It writes F64, F32, I32 and U8. */
export type SafetensorsType = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8';

/** Bytes per element. */
export const elementBytes: Readonly<Record<SafetensorsType, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  U8: 1,
};

/** One tensor of a checked header. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: SafetensorsType;
  readonly shape: readonly number[];
  /** First byte, counted from the end of the header. */
  readonly begin: number;
  /** One past the last byte. */
  readonly end: number;
}

/** A checked header. */
export interface Header {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Where the tensor bytes start in the file. */
  readonly dataOffset: number;
}

/** The reference implementation refuses longer headers, so that a wrong length cannot ask for gigabytes. */
const maxHeaderBytes = 100_000_000;

/**
 * Reads and checks the header: every tensor inside the file, none overlapping, no gaps, nothing after the last.
 *
 * @param where - file name or function, for messages
 * @throws {@link DataError} that names the tensor and the rule it breaks.
 */
export function parseHeader(bytes: Uint8Array, where: string): Header {
  const fail = (what: string): never => {
    throw new DataError(`${where}: ${what}; the file is damaged or not in safetensors format`, { file: where });
  };
  if (bytes.length < 8) fail(`file must hold at least 8 bytes, got ${bytes.length}`);
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) fail(`header length must be at most ${maxHeaderBytes}, got ${length}`);
  const dataOffset = 8 + Number(length);
  if (dataOffset > bytes.length) fail(`header must end inside the file (${bytes.length} bytes), got ${dataOffset}`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, dataOffset)));
  } catch (cause) {
    throw new DataError(`${where}: header must be JSON in UTF-8; the file is damaged`, { file: where }, { cause });
  }
  if (!isRecord(parsed)) return fail('header must be a JSON object');
  const { __metadata__: metadata = {}, ...tensors } = parsed;
  if (!isRecord(metadata) || Object.values(metadata).some((v) => typeof v !== 'string')) {
    return fail('__metadata__ must map strings to strings');
  }
  const entries = Object.entries(tensors).map(([name, value]) => tensorEntry(name, value, fail));
  checkCoverage(entries, bytes.length - dataOffset, fail);
  return { entries, metadata: metadata as Record<string, string>, dataOffset };
}

type Fail = (what: string) => never;

function tensorEntry(name: string, value: unknown, fail: Fail): TensorEntry {
  if (!isRecord(value)) return fail(`tensor ${JSON.stringify(name)} must be an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  const label = `tensor ${JSON.stringify(name)}`;
  if (typeof dtype !== 'string' || !Object.hasOwn(elementBytes, dtype)) {
    return fail(`${label}: dtype must be one of ${Object.keys(elementBytes).join(', ')}, got ${String(dtype)}`);
  }
  if (!isCounts(shape)) return fail(`${label}: shape must be a list of integers ≥ 0`);
  if (!isCounts(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    return fail(`${label}: data_offsets must be [begin, end] with begin ≤ end`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = shape.reduce((a, b) => a * b, 1) * elementBytes[dtype as SafetensorsType];
  if (end - begin !== expected) {
    return fail(`${label}: ${dtype} [${shape.join(', ')}] must take ${expected} bytes, got ${end - begin}`);
  }
  return { name, dtype: dtype as SafetensorsType, shape, begin, end };
}

function checkCoverage(entries: readonly TensorEntry[], dataBytes: number, fail: Fail): void {
  let at = 0;
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) {
      const what = begin < at ? 'must not overlap the one before' : 'must follow the one before without a gap';
      fail(`tensor ${JSON.stringify(name)} ${what}: begins at ${begin}, expected ${at}`);
    }
    at = end;
  }
  if (at !== dataBytes) fail(`tensors must cover the ${dataBytes} bytes after the header, got ${at}`);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((v) => Number.isSafeInteger(v) && v >= 0);
}
