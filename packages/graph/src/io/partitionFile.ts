/** Partition files in the METIS convention: one part number per line, line i for vertex i. */
import { atomicWrite, sharedInt32 } from '@strata-ml/core';
import { GrowableInt32 } from '../csr/growable.js';
import { ByteWriter, maybeGzip } from './ByteWriter.js';
import type { ReadControl } from './lineBlocks.js';
import { forEachLine } from './TextCursor.js';

/**
 * Reads a partition of `n` vertices into `parts` parts; `#` and `%` lines are comments, gzip is recognised.
 *
 * @throws `DataError` `<path>:<line>: …` for a non-number, a part outside 0 … parts − 1, or another number of lines.
 * @throws `AbortedError` if `signal` is aborted.
 */
export async function readPartitionFile(
  path: string,
  n: number,
  parts: number,
  control: ReadControl = {},
): Promise<Int32Array> {
  const read = new GrowableInt32();
  const cursor = await forEachLine(path, control, '#%', (line) => {
    if (!line.hasToken()) return;
    if (read.length === n) throw line.error(`file must hold ${n} lines, one per vertex, got more`);
    read.push(line.readInteger('part', 0, parts - 1, `the partition must have ${parts} parts`));
    if (line.hasToken()) throw line.error(`line must hold one part number, got also ${line.restOfLine()}`);
  });
  if (read.length !== n) throw cursor.error(`file must hold ${n} lines, one per vertex, got ${read.length}`);
  const partOf = sharedInt32(n);
  partOf.set(read.view());
  return partOf;
}

/**
 * Writes one part number per line; gzip if the path ends in `.gz`. Atomic: temporary file, fsync, rename.
 *
 * @throws `OptionError` if the folder is not writable.
 */
export async function writePartitionFile(path: string, partOf: Int32Array): Promise<void> {
  await atomicWrite(path, maybeGzip(path, chunks(partOf)));
}

function* chunks(partOf: Int32Array): Generator<Uint8Array> {
  const out = new ByteWriter();
  for (let v = 0; v < partOf.length; v++) {
    out.integer(partOf[v]!);
    out.byte(10);
    if (out.isFull) yield out.take();
  }
  yield out.take();
}
