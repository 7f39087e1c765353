/** What surrounds every command: output, interruption, result file, exit code. */
import { AbortedError } from '@strata-ml/core';
import type { Command } from 'commander';
import { exitCodeOf } from './errors.js';
import { withInterrupt } from './interrupt.js';
import type { CommonFlags } from './options.js';
import { type CommandResult, envelope, failure } from './output/envelope.js';
import { checkWritableFile, Output } from './output/Output.js';
import { currentRank, type Rank } from './rank.js';

/** What a command gets besides its arguments and flags. */
export interface CommandContext {
  readonly output: Output;
  /** Aborted by Ctrl-C, if the command is interruptible. */
  readonly signal: AbortSignal;
  readonly rank: Rank;
}

/** Options of {@link action}. */
export interface ActionOptions {
  /**
   * The command stops cleanly when its signal is aborted. Others, which compute on this thread, are ended by Ctrl-C at
   * once: a handler would only run when they are done. @defaultValue `false`
   */
  readonly isInterruptible?: boolean;
}

/**
 * Makes a commander action of a function that computes a result: the result goes where `--json` says, a failure of the
 * run too, and an interrupted run ends with exit code 130.
 *
 * @param name - as in the result envelope, for example `gnn train`
 */
export function action<Flags extends CommonFlags>(
  name: string,
  run: (flags: Flags, context: CommandContext, args: readonly string[]) => Promise<CommandResult>,
  { isInterruptible = false }: ActionOptions = {},
): (...received: unknown[]) => Promise<void> {
  return async (...received) => {
    const command = received.at(-1) as Command;
    const flags = command.opts<Flags>();
    const rank = await currentRank();
    const output = new Output({ json: flags.json, quiet: flags.quiet, isRoot: rank.isRoot });
    if (flags.json !== undefined && flags.json !== '-' && rank.isRoot) await checkWritableFile('--json', flags.json);
    let result: CommandResult;
    try {
      const body = (signal: AbortSignal) => run(flags, { output, signal, rank }, command.args);
      result = isInterruptible
        ? await withInterrupt(body, () => output.note('\nstopping … press Ctrl-C again to end at once'))
        : await body(new AbortController().signal);
      await output.result(envelope(name, result));
    } catch (error) {
      const code = exitCodeOf(error);
      // Bad input computes nothing, so it leaves nothing; a run that broke off says so in its result.
      if (code !== 2) await output.result(failure(name, flags, error, code === 130 ? 'aborted' : 'failed'));
      throw error;
    }
    if (result.status === 'aborted') throw new AbortedError(`${name}: stopped before it was done`);
  };
}
