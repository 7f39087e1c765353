/** `strata doctor --profile`: which kernels of a program the native engine left to JavaScript, and their cost. */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OptionError } from '@strata-ml/core';
import type { CommandResult } from '../output/envelope.js';
import { figure } from '../output/format.js';
import type { Output } from '../output/Output.js';
import { columnTable } from '../output/table.js';

interface ThreadProfile {
  readonly wallMs: number;
  readonly kernels: readonly { readonly kernel: string; readonly calls: number; readonly ms: number }[];
}

/**
 * Runs `node program args` and reports what the backend of each of its threads wrote at its end.
 *
 * @throws OptionError if the program ends with an error.
 */
export async function profileProgram(
  program: string,
  args: readonly string[],
  output: Output,
  signal: AbortSignal,
): Promise<CommandResult> {
  const folder = await mkdtemp(join(tmpdir(), 'strata-profile-'));
  try {
    const status = await run(program, args, folder, signal);
    if (status !== 0)
      throw new OptionError('doctor --profile', 'program', program, `one that ends well, it ended with ${status}`);
    const files = await readdir(folder);
    const threads = await Promise.all(
      files.map(async (file) => JSON.parse(await readFile(join(folder, file), 'utf8')) as ThreadProfile),
    );
    const kernels = sumOf(threads);
    const wallMs = Math.max(0, ...threads.map((thread) => thread.wallMs));
    if (threads.length === 0) output.print(`\n${program} did not load the native engine.\n`);
    else if (kernels.length === 0) output.print('\nNothing ran as JavaScript on the native engine.\n');
    else {
      output.print('\nKernels that ran as JavaScript on the native engine\n');
      output.print(
        columnTable(
          ['kernel', 'calls', 'ms', 'of the run'],
          kernels.map(({ kernel, calls, ms }) => [
            kernel,
            String(calls),
            figure(Number(ms.toPrecision(3))),
            `${((100 * ms) / wallMs).toFixed(1)} %`,
          ]),
          ['left', 'right', 'right', 'right'],
        ),
      );
    }
    return { config: { profile: program }, metrics: { wallMs, threads: threads.length, kernels } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function run(program: string, args: readonly string[], folder: string, signal: AbortSignal): Promise<number | string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], {
      // Its output is not our result: it must not end up in `--json -`.
      stdio: ['inherit', 2, 'inherit'],
      env: { ...process.env, STRATA_NATIVE_PROFILE: folder },
      signal,
    });
    child.once('error', reject);
    child.once('close', (code, killedBy) => resolve(code ?? killedBy ?? 1));
  });
}

/** Over all threads, the dearest kernel first. */
function sumOf(threads: readonly ThreadProfile[]): { kernel: string; calls: number; ms: number }[] {
  const sums = new Map<string, { kernel: string; calls: number; ms: number }>();
  for (const { kernel, calls, ms } of threads.flatMap((thread) => thread.kernels)) {
    const sum = sums.get(kernel) ?? { kernel, calls: 0, ms: 0 };
    sums.set(kernel, { kernel, calls: sum.calls + calls, ms: sum.ms + ms });
  }
  return [...sums.values()].sort((a, b) => b.ms - a.ms);
}
