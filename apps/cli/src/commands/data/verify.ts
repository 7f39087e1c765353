/** `strata data verify NAME`. */
import { DataError } from '@strata-ml/core';
import type { Command } from 'commander';
import { action } from '../../action.js';
import { addCommonFlags, type CommonFlags } from '../../options.js';
import { columnTable } from '../../output/table.js';

/** Adds `verify`. */
export function verifyCommand(area: Command): void {
  addCommonFlags(area.command('verify').argument('<name>').description('compare a data set with its checksums')).action(
    action<CommonFlags>('data verify', async (_, { output }, [name = '']) => {
      const { verifyDataset } = await import('@strata-ml/datasets');
      const checked = await verifyDataset(name);
      if (checked.folder === undefined && checked.files.length > 0) {
        throw new DataError(
          `data verify: ${name} must be on this machine, it is not; run \`strata data fetch ${name}\` to see how to get it`,
        );
      }
      output.print(
        columnTable(
          ['file', 'status', 'SHA-256'],
          checked.files.map(({ file, status, sha256 = '–' }) => [file, status, sha256]),
        ),
      );
      const bad = checked.files.find(({ status }) => status !== 'ok');
      if (bad) {
        throw new DataError(
          `data verify: ${name}/${bad.file} must match its checksum, it is ${bad.status}; get the file again`,
        );
      }
      output.print(`\n${name}: all files are as registered.`);
      return { config: { name }, metrics: { ...checked } };
    }),
  );
}
