import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { atomicWrite } from '../src/atomicWrite.js';
import { OptionError } from '../src/errors.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strata-write-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('atomicWrite', () => {
  it('writes text, bytes and pieces in order, over an older file', async () => {
    const path = join(folder, 'x');
    await atomicWrite(path, 'old text that is longer');
    await atomicWrite(path, ['a', Uint8Array.of(98, 99), 'd']);
    expect(await readFile(path, 'utf8')).toBe('abcd');
    await atomicWrite(path, Uint8Array.of(0, 255));
    expect([...(await readFile(path))]).toEqual([0, 255]);
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('leaves the old file and nothing else when the source of the pieces fails', async () => {
    const path = join(folder, 'x');
    await writeFile(path, 'old');
    function* pieces() {
      yield 'half of the new';
      throw new RangeError('source broke');
    }
    await expect(atomicWrite(path, pieces())).rejects.toThrow(RangeError);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(folder)).toEqual(['x']);
  });

  it('refuses a path that is a folder or lies in none', async () => {
    await mkdir(join(folder, 'sub'));
    await expect(atomicWrite(join(folder, 'sub'), 'x')).rejects.toThrow(OptionError);
    await expect(atomicWrite(join(folder, 'none', 'x'), 'x')).rejects.toThrow(OptionError);
    expect(await readdir(folder)).toEqual(['sub']);
  });
});
