/** `strata bench list`. */
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { columnTable } from '../../output/table.js';
import { loadBench } from './suites.js';

/** Adds `list`. */
export function benchListCommand(area: Command): void {
  addCommonFlags(area.command('list').description('list the benchmark suites')).action(
    action<CommonFlags>('bench list', async (_flags, { output }) => {
      const { suites } = await loadBench();
      const rows = suites.map(({ name, description }) => [name, description]);
      output.print(columnTable(['suite', 'what it measures'], rows, ['left', 'left']));
      return { config: {}, metrics: { suites: suites.map(({ name, description }) => ({ name, description })) } };
    }),
  );
}
