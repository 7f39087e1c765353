/** `--partition`: a method, or a file that some tool wrote. */
import { existsSync } from 'node:fs';
import { OptionError } from '@strata-ml/core';
import type { PartitionMethod } from '@strata-ml/graph';

/**
 * Reads the flag: the name of a partitioner as it is, a file as the part of each vertex.
 *
 * @throws {@link OptionError} if it is neither, {@link DataError} if the file does not fit the graph.
 */
export async function readPartition(
  how: string,
  vertices: number,
  parts: number,
): Promise<PartitionMethod | Int32Array> {
  const { partitionMethods, readPartitionFile } = await import('@strata-ml/graph');
  const method = partitionMethods.find((name) => name === how);
  if (method !== undefined) return method;
  if (existsSync(how)) return readPartitionFile(how, vertices, parts);
  throw new OptionError('--partition', 'value', how, `one of ${partitionMethods.join(', ')}, or a file`);
}
