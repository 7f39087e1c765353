/** `strata data list`. */
import { formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { columnTable } from '../../output/table.js';

interface Flags extends CommonFlags {
  readonly all?: boolean;
}

/** Adds `list`. */
export function listCommand(area: Command): void {
  addCommonFlags(area.command('list').description('list the known data sets and where they are'))
    .option('--all', 'also those that nothing here trains on: images, vectors, prices')
    .action(
      action<Flags>('data list', async ({ all = false }, { output }) => {
        const { dataRoots, listDatasets } = await import('@strata-ml/datasets');
        const datasets = listDatasets().filter(
          ({ kind, isNodeDataset }) => all || isNodeDataset || /graph|edge|text|tokenizer/.test(kind),
        );
        const rows = datasets.map((d) => [d.name, d.kind, d.location ? 'yes' : 'no', formatBytes(d.bytes), d.content]);
        output.print(columnTable(['name', 'kind', 'here', 'size', 'content'], rows, ['left', 'left', 'left', 'right']));
        output.print(`\nSearched: ${dataRoots().join(', ')}`);
        return { config: { all }, metrics: { datasets, roots: dataRoots() } };
      }),
    );
}
