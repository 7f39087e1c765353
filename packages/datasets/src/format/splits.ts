/** Train/validation/test splits: read from `split.json` or `splits.u8.gz`, or drawn at random. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DataError, type Rng, toShared } from '@strata-ml/core';
import { z } from 'zod';
import type { Split } from '../NodeDataset.js';
import { readArray, readBytes } from './arrays.js';
import { parseJson } from './meta.js';

const ids = z.array(z.int());
const everythingElse = 'all other labelled nodes';
const schema = z.looseObject({
  description: z.string().default('split.json'),
  train: ids,
  val: ids,
  test: z.union([ids, z.literal(everythingElse)]),
});

const publishedCount = 10;

/**
 * Reads the splits of a folder, or none if it has no split file.
 *
 * @param isLabelled - whether a vertex has a label; training, validation and test vertices must
 * @throws {@link DataError} that names the file and the first id that is out of range, unlabelled or listed twice.
 */
export async function readSplits(
  folder: string,
  numVertices: number,
  isLabelled: (v: number) => boolean,
): Promise<Split[]> {
  const jsonPath = join(folder, 'split.json');
  if (existsSync(jsonPath)) return [await readSplitJson(jsonPath, numVertices, isLabelled)];
  const binaryPath = join(folder, 'splits.u8.gz');
  if (existsSync(binaryPath)) return readSplitTable(binaryPath, numVertices, isLabelled);
  return [];
}

async function readSplitJson(path: string, n: number, isLabelled: (v: number) => boolean): Promise<Split> {
  const result = schema.safeParse(parseJson(path, await readBytes(path)));
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new DataError(`${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'invalid'}`, {
      file: path,
    });
  }
  const { description, train, val, test } = result.data;
  const owner = new Uint8Array(n);
  const parts = [train, val, typeof test === 'string' ? [] : test];
  const names = ['train', 'val', 'test'];
  parts.forEach((part, p) => {
    part.forEach((v, i) => {
      const complain = (requirement: string): never => {
        throw new DataError(`${path}: ${names[p]} ids must be ${requirement}, got ${v} at index ${i}`, {
          file: path,
          index: i,
        });
      };
      if (!(v >= 0 && v < n)) complain(`in 0 … ${n - 1}`);
      if (owner[v] !== 0) complain(`in one part once (this one is in ${names[owner[v]! - 1]} too)`);
      if (!isLabelled(v)) complain('labelled vertices');
      owner[v] = p + 1;
    });
  });
  if (typeof test === 'string') {
    for (let v = 0; v < n; v++) if (owner[v] === 0 && isLabelled(v)) parts[2]!.push(v);
  }
  const published = !/\bnot a published\b/i.test(description);
  return { ...shareParts(parts), description, published };
}

/** Ten rows of n bytes: 0 train, 1 validation, 2 test. */
async function readSplitTable(path: string, n: number, isLabelled: (v: number) => boolean): Promise<Split[]> {
  const table = await readArray(path, 'u8', publishedCount * n);
  return Array.from({ length: publishedCount }, (_, s) => {
    const parts: number[][] = [[], [], []];
    for (let v = 0; v < n; v++) {
      const part = parts[table[s * n + v]!];
      if (!part) {
        throw new DataError(`${path}: entries must be 0, 1 or 2, got ${table[s * n + v]} at index ${s * n + v}`, {
          file: path,
          index: s * n + v,
        });
      }
      if (isLabelled(v)) part.push(v);
    }
    return { ...shareParts(parts), description: `published split ${s} of ${publishedCount}`, published: true };
  });
}

/** Draws 60 % training, 20 % validation, 20 % test from the labelled vertices; the same for the same generator. */
export function randomSplit(numVertices: number, isLabelled: (v: number) => boolean, rng: Rng): Split {
  const labelled = Array.from({ length: numVertices }, (_, v) => v).filter(isLabelled);
  const order = rng.permutation(labelled.length);
  const trainEnd = Math.round(0.6 * labelled.length);
  const valEnd = Math.round(0.8 * labelled.length);
  const take = (begin: number, end?: number) =>
    Array.from(order.subarray(begin, end), (i) => labelled[i]!).sort((a, b) => a - b);
  return {
    ...shareParts([take(0, trainEnd), take(trainEnd, valEnd), take(valEnd)]),
    description: 'random 60/20/20 split of the labelled vertices',
    published: false,
  };
}

/** The three parts as shared int32 arrays. */
export function shareParts(parts: readonly (readonly number[])[]): Pick<Split, 'train' | 'val' | 'test'> {
  const [train, val, test] = parts.map((part) => toShared(Int32Array.from(part)));
  return { train: train!, val: val!, test: test! };
}
