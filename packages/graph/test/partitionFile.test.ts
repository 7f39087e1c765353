import { readFileSync } from 'node:fs';
import { DataError, OptionError } from '@strata-ml/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readPartitionFile, writePartitionFile } from '../src/index.js';
import { failureOf, temporaryFolder } from './support/files.js';

const files = temporaryFolder();

describe('partition files', () => {
  it('hold one number per line, as METIS writes them, and read back the same', async () => {
    const property = fc.asyncProperty(fc.array(fc.nat(1234), { minLength: 1 }), fc.boolean(), async (parts, gzip) => {
      const path = files.path(gzip ? 'p.part.gz' : 'p.part');
      await writePartitionFile(path, Int32Array.from(parts));
      if (!gzip) expect(readFileSync(path, 'utf8')).toBe(parts.map((p) => `${p}\n`).join(''));
      expect([...(await readPartitionFile(path, parts.length, 1235))]).toEqual(parts);
    });
    await fc.assert(property, { numRuns: 50 });
  });

  it.each([
    ['0\n1\n', ':3: file must hold 3 lines, one per vertex, got 2'],
    ['0\n1\n0\n1\n', ':4: file must hold 3 lines, one per vertex, got more'],
    ['0\n2\n0\n', ':2: part must be in 0 … 1, got 2; the partition must have 2 parts'],
    ['0\n-1\n0\n', ':2: part must be in 0 … 1, got -1'],
    ['0\nx\n0\n', ':2: part must be an integer, got "x"'],
    ['0 1\n1\n0\n', ':1: line must hold one part number, got also 1'],
  ])('refuse %j', async (text, message) => {
    const error = await failureOf(readPartitionFile(files.file(text), 3, 2));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(message);
  });

  it('are not written into folders that do not exist', async () => {
    const failed = failureOf(writePartitionFile(`${files.folder}/none/p`, Int32Array.of(0)));
    expect(await failed).toBeInstanceOf(OptionError);
    expect(files.leftovers()).toEqual([]);
  });
});
