/** `strata data info NAME`. */
import { formatBytes } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { count } from '../../output/format.js';
import { factTable } from '../../output/table.js';

/** Adds `info`. */
export function infoCommand(area: Command): void {
  addCommonFlags(area.command('info').argument('<name>').description('describe one data set')).action(
    action<CommonFlags>('data info', async (_, { output }, [name = '']) => {
      const { datasetInfo } = await import('@strata-ml/datasets');
      const info = await datasetInfo(name);
      output.print(`${info.title}\n`);
      output.print(
        factTable([
          ['name', info.name],
          ['kind', info.kind],
          ['content', info.content],
          ['licence', info.licence, info.licenceDetails === info.licence ? '' : info.licenceDetails],
          ['source', info.source],
          [
            'on this machine',
            info.location ?? 'no',
            info.location ? '' : `strata data fetch ${name} says how to get it`,
          ],
          ['files', count(Object.keys(info.files).length), formatBytes(info.bytes)],
        ]),
      );
      return { config: { name }, metrics: { ...info } };
    }),
  );
}
