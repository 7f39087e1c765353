/** `strata bench run SUITE`. */
import { OptionError } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { loadBench } from './suites.js';

interface Flags extends CommonFlags {
  readonly rounds: string;
  readonly only?: string;
}

/** Adds `run`. */
export function benchRunCommand(area: Command): void {
  addCommonFlags(
    area.command('run <suite>').description('run a suite: every sample a fresh process, contenders in turn'),
  )
    .option('--rounds <n>', 'rounds of each case', '5')
    .option('--only <text>', 'only cases whose name contains this')
    .action(
      action<Flags>('bench run', async ({ rounds, only }, { output }, [name = '']) => {
        const { markdownTable, runSuite, suites } = await loadBench();
        const suite = suites.find((s) => s.name === name);
        if (!suite) {
          throw new OptionError('strata bench run', 'suite', name, `one of ${suites.map((s) => s.name).join(', ')}`);
        }
        const count = Number(rounds);
        if (!(Number.isSafeInteger(count) && count >= 1))
          throw new OptionError('--rounds', 'value', rounds, 'an integer ≥ 1');
        const onProgress = (line: string) => output.note(line);
        const result = await runSuite(suite, { rounds: count, onProgress, ...(only === undefined ? {} : { only }) });
        output.print(markdownTable(result));
        return { config: { suite: name, rounds: count, only }, metrics: result };
      }),
    );
}
