/** How failures end the process: an exit code, one line of cause, one line of what to do. */
import { StrataError } from '@strata-ml/kernels';

/** The command line itself is wrong: an unknown flag, a missing argument. Exit code 2. */
export class UsageError extends StrataError {
  /** @param remedy - what to do, one sentence without a period */
  constructor(cause: string, remedy?: string) {
    super('ERR_STRATA_USAGE', remedy ? `${cause}; ${remedy}` : cause);
  }
}

/** What a person reads when a command fails. */
export interface Problem {
  readonly cause: string;
  readonly remedy: string;
}

const badInput = new Set([
  'ERR_STRATA_USAGE',
  'ERR_STRATA_OPTION',
  'ERR_STRATA_SHAPE',
  'ERR_STRATA_NON_FINITE',
  'ERR_STRATA_DATA',
]);

/** What to do about an error whose message does not say so itself. */
const remedies: Readonly<Record<string, string>> = {
  ERR_STRATA_USAGE: 'add --help to see the commands and flags',
  ERR_STRATA_OPTION: 'add --help to see the flags and what they take',
  ERR_STRATA_SHAPE: 'check that the files of the data set belong together',
  ERR_STRATA_NON_FINITE: 'check the data for missing values, or lower the learning rate',
  ERR_STRATA_DATA: 'check the file named above; `strata data verify NAME` compares a data set with its checksums',
  ERR_STRATA_OUT_OF_DEVICE_MEMORY: 'raise --device-memory, use more devices (--cluster) or a smaller model (--hidden)',
  ERR_STRATA_ENGINE_UNAVAILABLE: '`strata doctor` shows which engines run here and why',
  ERR_STRATA_COMM_TIMEOUT: 'raise --timeout if the machine is only slow; --debug shows where each rank stood',
  ERR_STRATA_ABORTED:
    'run it again; gnn train goes on from the last checkpoint with --resume, if --checkpoint was given',
  ENOSPC: 'free some space on that disk',
  EACCES: 'choose a path that you may write to',
  EPERM: 'choose a path that you may write to',
  EROFS: 'choose a path that can be written to',
  ENOENT: 'check the spelling of the path',
  ENOTDIR: 'check the spelling of the path',
};

const unknown = 'run again with --debug to see where; report it at https://github.com/strata-ml/strata/issues';

/**
 * The exit code of a failure: 2 for bad usage or bad input, 130 for an interrupted run, else 1. The error of a rank
 * counts by what the rank itself ran into.
 */
export function exitCodeOf(error: unknown): number {
  const code = codeOf(rootCause(error));
  if (code === 'ERR_STRATA_ABORTED' || (error instanceof Error && error.name === 'AbortError')) return 130;
  return badInput.has(code) ? 2 : 1;
}

/** Splits an error into cause and remedy, one line each. */
export function describeError(error: unknown): Problem {
  const message = oneLine(error instanceof Error ? error.message : String(error)) || 'failed without a message';
  const cause = rootCause(error);
  const codes = [codeOf(cause), codeOf(error)];
  // House style: `<where>: <what> must be <requirement>, got <value>[; <what to do>]`.
  const split = codes.some((code) => code.startsWith('ERR_STRATA_')) ? message.lastIndexOf('; ') : -1;
  if (split > 0) return { cause: message.slice(0, split), remedy: message.slice(split + 2) };
  const known = codes.map((code) => remedies[code]).find((remedy) => remedy !== undefined);
  return { cause: message, remedy: known ?? unknown };
}

/** Writes the two lines to stderr; with `error`, its stack and those of its causes too. */
export function printProblem({ cause, remedy }: Problem, error?: unknown, prefix = ''): void {
  process.stderr.write(`${prefix}strata: ${cause}\n${prefix}    try: ${remedy}\n`);
  for (let e = error; e instanceof Error; e = e.cause) process.stderr.write(`${prefix}${e.stack ?? e.message}\n`);
}

/** The error that a failed rank ran into, else the error itself. */
function rootCause(error: unknown): unknown {
  let current = error;
  while (codeOf(current) === 'ERR_STRATA_RANK_FAILED' && current instanceof Error && current.cause !== undefined) {
    current = current.cause;
  }
  return current;
}

function codeOf(error: unknown): string {
  const code = (error as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' ? code : '';
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
