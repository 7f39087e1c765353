/** `strata graph convert IN OUT`. */
import { OptionError } from '@strata-ml/core';
import type { GraphFormat } from '@strata-ml/graph';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { type WrittenFormat, writeGraphFile, writtenFormats } from '../../graphFile.js';
import { addCommonFlags, type CommonFlags, choice } from '../../options.js';
import { count } from '../../output/format.js';
import { checkWritableFile } from '../../output/Output.js';

interface Flags extends CommonFlags {
  readonly from?: GraphFormat;
  readonly to?: WrittenFormat;
  readonly directed?: boolean;
}

/** Adds `convert`. */
export function convertCommand(area: Command): void {
  const command = area
    .command('convert')
    .argument('<in>', 'edge list, Matrix Market, METIS, or a folder of OGB raw CSV; .gz too')
    .argument('<out>', 'edge list, or METIS if it ends in .graph or .metis; .gz is compressed')
    .description('read a graph in any known format, write an edge list or METIS file')
    .option('--from <format>', 'edge-list, matrix-market, metis, ogb-csv (default: by name and content)')
    .option('--to <format>', 'edge-list or metis (default: by name)', choice('--to', writtenFormats))
    .option('--directed', 'edges of the input point one way');
  addCommonFlags(command).action(
    action<Flags>('graph convert', async (flags, { output }, [from = '', to = '']) => {
      const { graphFormats, readGraph } = await import('@strata-ml/graph');
      const { from: format, directed } = flags;
      if (format !== undefined && !graphFormats.includes(format)) {
        throw new OptionError('--from', 'value', format, `one of ${graphFormats.join(', ')}`);
      }
      await checkWritableFile('graph convert', to);
      const { graph, ...read } = await readGraph(from, {
        ...(format === undefined ? {} : { format }),
        ...(directed === undefined ? {} : { directed }),
      });
      const target = await writeGraphFile(to, graph, flags.to);
      const facts = `${count(graph.numVertices)} vertices · ${count(graph.indices.length)} stored edges`;
      output.print(`${from} (${read.format}) → ${to} (${target}): ${facts}`);
      const { format: source, edgesInFile } = read;
      const metrics = { vertices: graph.numVertices, storedEdges: graph.indices.length, edgesInFile };
      return { config: { in: from, out: to, from: source, to: target, directed: directed ?? null }, metrics };
    }),
  );
}
