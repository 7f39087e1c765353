/** Starts MPI jobs for tests: on the built package, with a deadline outside the event loop of the ranks. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** An mpirun found on this machine. */
export interface Launcher {
  readonly name: 'Open MPI' | 'MPICH';
  readonly family: 'openmpi' | 'mpich';
  readonly command: string;
  readonly args: readonly string[];
}

/** How a job ended. */
export interface Outcome {
  /** Exit code of mpirun; null when it was killed. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
  readonly timedOut: boolean;
  /** Processes of the job that were still there after mpirun had ended. */
  readonly strays: readonly number[];
}

/** Options of {@link runRanks}. */
export interface RunOptions {
  readonly ranks: number;
  readonly args?: readonly string[];
  readonly launcherArgs?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  /** Called with mpirun's process id once it runs. */
  readonly onStart?: (pid: number) => void;
}

const entries = fileURLToPath(new URL('./entries/', import.meta.url));

/** Launchers on this machine; tests are skipped by name without any. */
export const launchers: readonly Launcher[] = findLaunchers();

/** Runs `node test/entries/<entry>` on `ranks` ranks and waits for the end. */
export function runRanks(launcher: Launcher, entry: string, options: RunOptions): Promise<Outcome> {
  const { ranks, args = [], launcherArgs = [], env = {}, deadlineMs = 40_000, onStart } = options;
  const command = [
    ...launcher.args,
    ...launcherArgs,
    '-n',
    `${ranks}`,
    process.execPath,
    `${entries}${entry}`,
    ...args,
  ];
  const start = performance.now();
  // The mark finds processes of the job that outlive it, wherever they were re-parented to.
  const mark = `job-${process.pid}-${++jobs}`;
  return new Promise((resolve) => {
    const child = spawn(launcher.command, command, {
      detached: true,
      env: {
        ...process.env,
        OMPI_ALLOW_RUN_AS_ROOT: '1',
        OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
        STRATA_TEST_JOB: mark,
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let timedOut = false;
    child.stdout.on('data', (text) => (stdout += text));
    child.stderr.on('data', (text) => (stderr += text));
    if (child.pid !== undefined) onStart?.(child.pid);
    const deadline = setTimeout(() => {
      timedOut = true;
      killGroup(child.pid!);
      for (const pid of processesOf(mark)) killProcess(pid);
    }, deadlineMs);
    child.on('close', (code) => {
      clearTimeout(deadline);
      const ms = performance.now() - start;
      // Launchers do not wait for what they have just killed.
      const settle = (left: number) => {
        const strays = processesOf(mark);
        if (strays.length > 0 && left > 0) {
          setTimeout(settle, 100, left - 1);
          return;
        }
        for (const pid of strays) killProcess(pid);
        resolve({ code, stdout, stderr, ms, timedOut, strays });
      };
      settle(30);
    });
  });
}

/** Process ids of the ranks of a running job, by rank. */
export function ranksOf(mpirunPid: number): Map<number, number> {
  const ranks = new Map<number, number>();
  for (const pid of processIds()) {
    const env = environmentOf(pid);
    const rank = /^(?:OMPI_COMM_WORLD_RANK|PMI_RANK)=(\d+)$/m.exec(env)?.[1];
    if (rank !== undefined && descendsFrom(pid, mpirunPid) && commandOf(pid).includes(entries))
      ranks.set(Number(rank), pid);
  }
  return ranks;
}

let jobs = 0;

function findLaunchers(): Launcher[] {
  const found: Launcher[] = [];
  const says = (command: string) =>
    spawnSync(command, ['--version'], { encoding: 'utf8', timeout: 10_000 }).stdout ?? '';
  for (const command of ['mpirun', 'mpirun.openmpi']) {
    if (found.length === 0 && /Open MPI|OpenRTE/.test(says(command))) {
      found.push({ name: 'Open MPI', family: 'openmpi', command, args: ['--oversubscribe'] });
    }
  }
  for (const command of ['mpiexec.hydra', 'mpiexec.mpich', 'mpirun.mpich', 'mpirun']) {
    if (!found.some((l) => l.family === 'mpich') && /HYDRA/.test(says(command))) {
      found.push({ name: 'MPICH', family: 'mpich', command, args: [] });
    }
  }
  return found;
}

function processIds(): number[] {
  if (!existsSync('/proc')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function processesOf(mark: string): number[] {
  return processIds().filter((pid) => environmentOf(pid).split('\n').includes(`STRATA_TEST_JOB=${mark}`));
}

function environmentOf(pid: number): string {
  return read(`/proc/${pid}/environ`).replaceAll('\0', '\n');
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`);
}

function descendsFrom(pid: number, ancestor: number): boolean {
  for (let p = pid; p > 1; p = Number(/^\d+ \(.*\) \S (\d+)/s.exec(read(`/proc/${p}/stat`))?.[1] ?? 0)) {
    if (p === ancestor) return true;
  }
  return false;
}

/** A process may end between being listed and being read. */
function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function killGroup(pid: number): void {
  killProcess(-pid);
}

function killProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}
