/** `meta.json` of the common layout. */
import { join } from 'node:path';
import { DataError } from '@strata-ml/core';
import { z } from 'zod';
import { readBytes } from './arrays.js';

const count = z.int().nonnegative();

// Loose: besides these, a meta.json holds free facts about its graph (class counts, components, homophily …).
const schema = z.looseObject({
  name: z.string().optional(),
  title: z.string().optional(),
  num_nodes: z.int().positive(),
  num_edges: count,
  num_classes: count.optional(),
  num_features: count.optional(),
  multi_label: z.looseObject({ num_labels: z.int().positive(), nnz: count }).optional(),
});

/** Checked content of a `meta.json`. */
export type DatasetMeta = z.infer<typeof schema>;

/**
 * Reads and checks a folder's `meta.json`.
 *
 * @throws {@link DataError} that names the file and the first bad field.
 */
export async function readMeta(folder: string): Promise<DatasetMeta> {
  const path = join(folder, 'meta.json');
  const result = schema.safeParse(parseJson(path, await readBytes(path)));
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new DataError(`${path}: ${issue?.path.join('.') || 'content'}: ${issue?.message ?? 'invalid'}`, { file: path });
}

/** Parses JSON; a syntax error is a {@link DataError} that names the file. */
export function parseJson(path: string, bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new DataError(`${path}: must be JSON (${(cause as Error).message})`, { file: path }, { cause });
  }
}
