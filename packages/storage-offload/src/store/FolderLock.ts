/** One run at a time in a folder: a lock file that names its process and outlives no process. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { registerErrorClass, StrataError } from '@strata-ml/core';

const FILE = 'in-use.lock';

/** Another run uses the folder. */
export class FolderInUseError extends StrataError {
  constructor(folder: string, pid: number, host: string) {
    super(
      'ERR_STRATA_FOLDER_IN_USE',
      `${folder}: is in use by process ${pid} on ${host}; wait for it to end, or choose another folder`,
      { folder, pid, host },
    );
  }
}

registerErrorClass(FolderInUseError);

/** Who holds a lock. */
interface LockOwner {
  readonly pid: number;
  readonly host: string;
  /** Start of the process in clock ticks, where the system tells: process ids are used again. */
  readonly started: string;
}

/** A folder held by this process until {@link FolderLock.release}. */
export class FolderLock {
  readonly #path: string;
  #isHeld = true;

  /**
   * Takes the folder. The lock of a process that is gone (killed, crashed) is taken over.
   *
   * @throws {@link FolderInUseError} if a living process, this one included, or one of another machine holds it.
   */
  static acquire(folder: string): FolderLock {
    const path = join(folder, FILE);
    const mine: LockOwner = { pid: process.pid, host: hostname(), started: startOf(process.pid) };
    for (;;) {
      try {
        const fd = openSync(path, 'wx');
        writeSync(fd, JSON.stringify(mine));
        closeSync(fd);
        return new FolderLock(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const owner = readOwner(path);
      if (owner && isAlive(owner, mine.host)) throw new FolderInUseError(folder, owner.pid, owner.host);
      rmSync(path, { force: true });
    }
  }

  private constructor(path: string) {
    this.#path = path;
  }

  /** Lets go of the folder; twice does no harm. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    rmSync(this.#path, { force: true });
  }
}

/** Undefined for a lock that was being written when its process died. */
function readOwner(path: string): LockOwner | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as LockOwner;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host, started }: LockOwner, here: string): boolean {
  if (host !== here) return true;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
  }
  return started === startOf(pid);
}

/** Field 22 of `/proc/<pid>/stat`; empty where there is no such file. */
function startOf(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the command, may hold spaces and brackets.
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}
