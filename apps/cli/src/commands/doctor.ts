/** `strata doctor`. */
import { formatBytes, OptionError } from '@strata-ml/core';
import type { Command } from 'commander';
import pc from 'picocolors';
import { action } from '../action.js';
import { addCommonFlags, type CommonFlags } from '../options.js';
import { figure } from '../output/format.js';
import { columnTable, factTable } from '../output/table.js';
import { profileProgram } from './profileProgram.js';

interface DoctorFlags extends CommonFlags {
  readonly profile?: string;
}

/** Adds `doctor`. */
export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('what this machine runs, and why')
    .argument('[args...]', 'arguments of the program')
    .option('--profile <program>', 'run a program, then list what the native engine left to JavaScript');
  addCommonFlags(command).action(
    action<DoctorFlags>(
      'doctor',
      async ({ profile }, { output, signal }, args) => {
        if (profile !== undefined) return profileProgram(profile, args, output, signal);
        if (args.length > 0)
          throw new OptionError('doctor', 'arguments', args[0], 'those of a program given by --profile');
        const { doctorReport } = await import('@strata-ml/core');
        const { mpiAvailability } = await import('@strata-ml/mpi');
        const { available, reason, implementation } = mpiAvailability();
        const mpi = { available, reason, ...(implementation === undefined ? {} : { implementation }) };
        const report = await doctorReport({ mpi, signal, onProgress: (engine) => output.note(`trying ${engine} …`) });
        const yes = (available: boolean) => (available ? pc.green('yes') : pc.yellow('no'));

        output.print('Engines, in the order of --engine auto\n');
        output.print(
          columnTable(
            ['engine', 'runs', 'GFLOP/s', 'why'],
            report.engines.map(({ name, available, reason, gflops }) => [
              name === report.selected ? pc.bold(`${name} *`) : name,
              yes(available),
              gflops === undefined ? '–' : figure(Number(gflops.toPrecision(2))),
              reason,
            ]),
            ['left', 'left', 'right'],
          ),
        );
        output.print('\n* chosen. GFLOP/s: products of float32 matrices on one thread, measured now.\n');
        output.print(
          factTable([
            ['kernels', report.kernels],
            ['MPI', yes(mpi.available), mpi.reason],
            ['direct I/O', yes(report.directIo.available), report.directIo.reason],
            ['cores', String(report.cores), report.processor],
            ['memory', formatBytes(report.memoryBytes)],
            ['Node', process.version, `${process.platform}-${process.arch}`],
          ]),
        );
        return { config: {}, metrics: report, environment: { engine: report.selected, kernels: report.kernels } };
      },
      { isInterruptible: true },
    ),
  );
}
