/** Graph files that commands write. */
import type { CsrGraph } from '@strata-ml/graph';

/** Formats that can be written. */
export const writtenFormats = ['edge-list', 'metis'] as const;
/** One of {@link writtenFormats}. */
export type WrittenFormat = (typeof writtenFormats)[number];

/** Writes a graph, whole or not at all, and tells the format: the given one, else by the name of the file. */
export async function writeGraphFile(path: string, graph: CsrGraph, format?: WrittenFormat): Promise<WrittenFormat> {
  const { writeEdgeList, writeMetis } = await import('@strata-ml/graph');
  const target = format ?? (/\.(graph|metis)(\.gz)?$/i.test(path) ? 'metis' : 'edge-list');
  if (target === 'metis') await writeMetis(path, graph);
  else await writeEdgeList(path, graph);
  return target;
}
