/** Starts the built command as a user would, in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../bin/strata.js', import.meta.url));
const repository = fileURLToPath(new URL('../../../', import.meta.url));

/** Folder of local data sets; tests that need one skip where it is absent. */
export const dataRoot = process.env.STRATA_DATA ?? fileURLToPath(new URL('../shared/data', `file://${repository}`));

/** True if a data set is on this machine. */
export const hasData = (name: string): boolean => existsSync(`${dataRoot}/${name}`);

/** How a command ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of {@link strata}. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Kills the process: then the exit code is −1. @defaultValue `50000` */
  readonly deadlineMs?: number;
  /** Called with what is printed so far, on stdout and stderr together. */
  readonly onOutput?: (text: string, child: ChildProcess) => void;
}

/** Runs `strata …args` to its end. */
export function strata(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const { env = {}, cwd = repository, deadlineMs = 50_000, onOutput } = options;
  const child = spawn(process.execPath, [bin, ...args], {
    cwd,
    env: { ...process.env, STRATA_DATA: dataRoot, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
    onOutput?.(stdout + stderr, child);
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
    onOutput?.(stdout + stderr, child);
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(deadline);
      resolve({ code: code ?? -1, stdout, stderr });
    });
  });
}

/** The two lines of a failure. */
export function problemOf({ stderr }: Outcome): { cause: string; remedy: string } {
  const [cause = '', remedy = ''] = stderr.trimEnd().split('\n').slice(-2);
  return { cause: cause.replace(/^strata: /, ''), remedy: remedy.replace(/^ +try: /, '') };
}
