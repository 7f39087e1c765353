/** The `strata` command as a function: parses, runs, answers with an exit code. */
import { CommanderError } from 'commander';
import { describeError, exitCodeOf, printProblem, UsageError } from './errors.js';
import { createProgram } from './program.js';
import { currentRank } from './rank.js';

/**
 * Runs the command line.
 *
 * @param argv - arguments after `strata`, for example `['gnn', 'train', '--data', 'cora']`
 * @returns the exit code: 0 done, 1 the run failed, 2 bad usage or bad input, 130 interrupted
 */
export async function main(argv: readonly string[]): Promise<number> {
  const isDebug = argv.includes('--debug');
  try {
    const program = createProgram();
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (thrown) {
    const error = thrown instanceof CommanderError ? usageErrorOf(thrown) : thrown;
    if (error === undefined) return 0;
    const code = exitCodeOf(error);
    const rank = await currentRank();
    // Every rank of an MPI run sees the same bad flag: one of them says so.
    if (rank.isRoot || isOwnFailure(error)) {
      printProblem(describeError(error), isDebug ? error : undefined, rank.isRoot ? '' : `[rank ${rank.rank}] `);
    }
    return code;
  }
}

/** Commander ends by exception also after `--help` and `--version`: those are no errors. */
function usageErrorOf(error: CommanderError): UsageError | undefined {
  if (error.code === 'commander.helpDisplayed' || error.code === 'commander.version') return undefined;
  if (error.code === 'commander.help') return new UsageError('a command is missing', 'choose one from the list above');
  const [cause = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
  return new UsageError(cause, suggestion?.replace(/^\((.*)\)$/, '$1').toLowerCase());
}

/** A failure of this process, as opposed to one that all ranks see alike or that another rank caused. */
function isOwnFailure(error: unknown): boolean {
  const code = (error as { code?: unknown }).code;
  const shared = ['ERR_STRATA_USAGE', 'ERR_STRATA_OPTION', 'ERR_STRATA_RANK_FAILED', 'ERR_STRATA_COMM_TIMEOUT'];
  return !(error instanceof Error) || !shared.concat('ERR_STRATA_ABORTED').includes(String(code));
}
