/** `strata data fetch NAME`. */
import { formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';

/** Adds `fetch`. */
export function fetchCommand(area: Command): void {
  addCommonFlags(
    area
      .command('fetch')
      .argument('<name>')
      .description("download a data set into the user's cache, or say where to get it"),
  ).action(
    action<CommonFlags>(
      'data fetch',
      async (_, { output, signal }, [name = '']) => {
        const { fetchDataset } = await import('@strata-ml/datasets');
        const fetched = await fetchDataset(name, {
          signal,
          onProgress: ({ url, index, count }) => output.note(`file ${index + 1} of ${count}: ${url}`),
        });
        const where = fetched.folder === undefined ? 'is built in' : `is in ${fetched.folder}`;
        output.print(`${name} ${where}${fetched.isNew ? `, ${formatBytes(fetched.bytes)} downloaded` : ''}`);
        return { config: { name }, metrics: { ...fetched } };
      },
      { isInterruptible: true },
    ),
  );
}
