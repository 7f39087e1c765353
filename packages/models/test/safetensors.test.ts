import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataError, OptionError, ShapeError } from '@strata-ml/core';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import {
  decodeSafetensors,
  encodeSafetensors,
  loadSafetensors,
  saveSafetensors,
  type TensorToSave,
} from '../src/index.js';

const goldenFile = (name: string) => new URL(`./golden/${name}`, import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), 'strata-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with this header text before `data` bytes. */
function file(header: string, data = 0, length = Buffer.byteLength(header)): Uint8Array {
  const bytes = Buffer.alloc(8 + Buffer.byteLength(header) + data);
  bytes.writeBigUInt64LE(BigInt(length));
  bytes.write(header, 8);
  return bytes;
}
const entry = (dtype: string, shape: number[], begin: number, end: number) => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  const common = {
    'conv1.weight': { dtype: 'F32', shape: [2, 3], data: Float32Array.from([0, 1, 2, 3, 4, 5], (v) => v / 4) },
    mean: { dtype: 'F64', shape: [2], data: Float64Array.of(1e-300, -2.5) },
    ids: { dtype: 'I32', shape: [2, 1], data: Int32Array.of(-1, 2 ** 31 - 1) },
    mask: { dtype: 'U8', shape: [3], data: Uint8Array.of(0, 1, 255) },
    empty: { dtype: 'F32', shape: [0, 4], data: new Float32Array(0) },
  };

  it('reads what the Python package wrote', () => {
    const { tensors, metadata } = loadSafetensors(goldenFile('fromPython.safetensors'));
    expect(metadata).toEqual({ format: 'np', näme: 'ü' });
    expect({ ...tensors }).toEqual({
      ...common,
      half: {
        dtype: 'F16',
        shape: [6],
        data: Float32Array.of(1.5, -0, 2 ** -14, 2 ** -24, 65504, Infinity),
      },
      long: { dtype: 'I64', shape: [2], data: BigInt64Array.of(-(2n ** 62n), 2n ** 53n + 1n) },
    });
  });

  it('still writes the bytes that the Python package read', () => {
    const bytes = encodeSafetensors(common, { format: 'np', näme: 'ü' });
    expect(Buffer.compare(bytes, readFileSync(goldenFile('fromStrata.safetensors')))).toBe(0);
  });

  it('gives back what it was given, views with an offset included, every tensor aligned', () => {
    const data = fc.oneof(
      fc.float32Array({ noNaN: true }).map((a) => Float32Array.of(9, ...a).subarray(1)),
      fc.float64Array({ noNaN: true }),
      fc.int32Array().map((a) => Int32Array.of(9, ...a).subarray(1)),
      fc.uint8Array(),
    );
    const names = fc.string().filter((name) => name !== '__metadata__');
    const property = fc.property(
      fc.dictionary(names, data),
      fc.dictionary(fc.string(), fc.string()),
      (given, metadata) => {
        const entries = Object.entries(given).map(([name, d]): [string, TensorToSave] => [
          name,
          { shape: [d.length], data: d },
        ]);
        const bytes = encodeSafetensors(Object.fromEntries(entries), metadata);
        const back = decodeSafetensors(bytes);
        expect({ ...back.metadata }).toEqual({ ...metadata });
        expect(Object.keys(back.tensors).sort()).toEqual(Object.keys(given).sort());
        for (const [name, d] of Object.entries(given)) expect(back.tensors[name]!.data).toEqual(d.slice());
        const header = JSON.parse(
          Buffer.from(bytes.subarray(8, 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true)))).toString(),
        );
        for (const [name, d] of Object.entries(given))
          expect(header[name].data_offsets[0] % d.BYTES_PER_ELEMENT).toBe(0);
      },
    );
    fc.assert(property, { numRuns: 100 });
  });

  it('reads bfloat16', () => {
    const bytes = file(JSON.stringify({ x: entry('BF16', [3], 0, 6) }), 6);
    bytes.set([0x80, 0x3f, 0x00, 0xc0, 0x80, 0x7f], bytes.length - 6);
    expect(decodeSafetensors(bytes).tensors.x!.data).toEqual(Float32Array.of(1, -2, Infinity));
  });

  it('refuses a file cut anywhere, and one with bytes to spare', () => {
    const whole = encodeSafetensors({ a: { shape: [2], data: Float32Array.of(1, 2) } }, { k: 'v' });
    for (let length = 0; length < whole.length; length++) {
      expect(() => decodeSafetensors(whole.subarray(0, length), 'cut.safetensors'), `${length} bytes`).toThrow(
        DataError,
      );
    }
    expect(() => decodeSafetensors(Uint8Array.of(...whole, 0))).toThrow('must cover');
  });

  it.each([
    ['an overlong header', file('{}', 0, 200_000_000), 'header length must be at most 100000000'],
    ['a header longer than the file', file('{}', 0, 99), 'header must end inside the file'],
    ['a header that is not JSON', file('{]'), 'header must be JSON'],
    ['a header that is a list', file('[]'), 'must be a JSON object'],
    ['metadata that are not strings', file('{"__metadata__":{"a":1}}'), '__metadata__'],
    ['an unknown type', file(JSON.stringify({ x: entry('Q4', [1], 0, 1) }), 1), 'dtype must be one of'],
    ['a negative shape', file(JSON.stringify({ x: entry('U8', [-1], 0, 1) }), 1), 'shape must be'],
    ['offsets that go backwards', file(JSON.stringify({ x: entry('U8', [1], 1, 0) }), 1), 'begin ≤ end'],
    [
      'a shape that the bytes do not fill',
      file(JSON.stringify({ x: entry('F32', [2], 0, 4) }), 4),
      'must take 8 bytes, got 4',
    ],
    ['a gap', file(JSON.stringify({ x: entry('U8', [1], 1, 2) }), 2), 'without a gap'],
    [
      'an overlap',
      file(JSON.stringify({ x: entry('U8', [2], 0, 2), y: entry('U8', [2], 1, 3) }), 3),
      'must not overlap',
    ],
    ['tensors beyond the end', file(JSON.stringify({ x: entry('U8', [4], 0, 4) }), 3), 'must cover the 3 bytes'],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(DataError);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow(message);
    expect(() => decodeSafetensors(bytes, 'model.safetensors')).toThrow('model.safetensors');
  });

  it('replaces a file whole, or leaves the old one and no temporary file', () => {
    const path = join(folder, 'model.safetensors');
    saveSafetensors(path, { a: { shape: [1], data: Float32Array.of(1) } });
    saveSafetensors(path, { a: { shape: [1], data: Float32Array.of(2) } }, { epoch: '7' });
    expect(loadSafetensors(path).tensors.a!.data[0]).toBe(2);
    expect(readdirSync(folder)).toEqual(['model.safetensors']);
    writeFileSync(join(folder, 'plain'), '');
    const inside = join(folder, 'plain', 'model.safetensors'); // a file where a folder should be: also root cannot
    expect(() => saveSafetensors(inside, {})).toThrow(DataError);
    expect(() => saveSafetensors(join(folder, 'absent', 'm'), {})).toThrow('cannot be written');
    expect(() => loadSafetensors(join(folder, 'absent'))).toThrow('cannot be read');
    expect(readdirSync(folder).sort()).toEqual(['model.safetensors', 'plain']);
  });

  it('refuses data that do not fill their shape, and the reserved name', () => {
    expect(() => encodeSafetensors({ a: { shape: [3], data: Float32Array.of(1) } })).toThrow(ShapeError);
    expect(() => encodeSafetensors({ __metadata__: { shape: [1], data: Float32Array.of(1) } })).toThrow(OptionError);
  });
});
