/** `--partition`: a method, or a file that some tool wrote. */
import { existsSync } from 'node:fs';
import { OptionError } from '@strata-ml/core';
import type { PartitionMethod } from '@strata-ml/graph';

/** Gives the partition once the graph is known. */
export type PartitionSource = (vertices: number, parts: number) => Promise<PartitionMethod | Int32Array>;

/**
 * Reads the flag: the name of a partitioner stands for itself, a file for the part of each vertex.
 *
 * @throws {@link OptionError} if it is neither; {@link DataError} later, if the file does not fit the graph.
 */
export async function partitionSource(how: string): Promise<PartitionSource> {
  const { partitionMethods, readPartitionFile } = await import('@strata-ml/graph');
  const method = partitionMethods.find((name) => name === how);
  if (method !== undefined) return async () => method;
  if (existsSync(how)) return (vertices, parts) => readPartitionFile(how, vertices, parts);
  throw new OptionError('--partition', 'value', how, `one of ${partitionMethods.join(', ')}, or a file`);
}
