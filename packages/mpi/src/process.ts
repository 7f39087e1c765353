/** This process as one rank of an MPI job: initialised once, finalised once, aborted when a rank failed. */
import { writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { detectMpiEnvironment } from './environment.js';
import { MpiUnavailableError } from './errors.js';
import { Progress } from './group/MpiWork.js';
import { SharedCells } from './group/SharedCells.js';
import type { Handle } from './library/handles.js';
import { Mpi } from './library/Mpi.js';
import { Liveness } from './liveness.js';
import { Mailbox } from './mailbox.js';
import { waitUntil } from './waitLoop.js';

/** How threads of this process may call MPI, weakest first. Strata calls it from one thread. */
export type ThreadLevel = 'single' | 'funneled' | 'serialized' | 'multiple';

/** Options of {@link initMpi}. */
export interface InitOptions {
  /** Thread level to ask for; initialisation fails if the library grants less. @defaultValue `'funneled'` */
  readonly threadLevel?: ThreadLevel;
}

const LEVELS: readonly ThreadLevel[] = ['single', 'funneled', 'serialized', 'multiple'];
/** Longest wait for the other ranks at the end of a run in which an operation has already failed. */
const FINALIZE_AFTER_FAILURE_MS = 3000;
const HOST_BYTES = 256;

let current: MpiProcess | undefined;

/**
 * Initialises MPI in this process, on the first call; later calls give the same object.
 *
 * Loads the library, checks the thread level granted, makes MPI return errors instead of ending the process, and learns
 * the host of every rank. All ranks of the job must call it. At exit MPI is finalised if the exit code is 0, else the job
 * is aborted with that code, so that no rank stays behind.
 *
 * @throws {@link MpiUnavailableError} without a usable library, when the library is not the launcher's (the job would
 * fall apart into worlds of one), when the level is refused, or after finalisation.
 */
export function initMpi({ threadLevel = 'funneled' }: InitOptions = {}): MpiProcess {
  current ??= MpiProcess.start(threadLevel);
  if (current.state !== 'running') throw new MpiUnavailableError('MPI cannot be initialised again once finalised');
  return current;
}

/** Ends the whole job at once with this exit code, all ranks; a no-op before {@link initMpi}. Tell why first. */
export function abortMpi(code = 1): void {
  current?.abort(code);
}

/** Finalises MPI if it was initialised: waits for the other ranks, then leaves. Also done at exit. */
export function finalizeMpi(): void {
  current?.finalize();
}

/** See {@link initMpi}. */
export class MpiProcess {
  readonly mpi: Mpi;
  /** Rank in MPI_COMM_WORLD. */
  readonly rank: number;
  /** Ranks in MPI_COMM_WORLD. */
  readonly size: number;
  /** Host of every rank of MPI_COMM_WORLD: its processor name, or STRATA_MPI_HOST of that process. */
  readonly hosts: readonly string[];
  readonly threadLevel: ThreadLevel;
  readonly mailbox: Mailbox;
  readonly liveness: Liveness;
  readonly progress: Progress;
  /** Counters of the ranks on this host. */
  /** @internal */
  readonly shared: SharedCells | undefined;
  #state: 'running' | 'finalized' | 'aborted' = 'running';
  #worlds = 0;
  #uncaught: Error | undefined;

  /** Use {@link initMpi}. */
  static start(threadLevel: ThreadLevel): MpiProcess {
    const mpi = new Mpi();
    if (mpi.queryFlag('MPI_Finalized')) throw new MpiUnavailableError('MPI was already finalised in this process');
    if (mpi.queryFlag('MPI_Initialized')) {
      throw new MpiUnavailableError(
        'MPI was already initialised by another thread; one thread of a process may use it',
      );
    }
    const wanted = LEVELS.indexOf(threadLevel);
    const granted = new Int32Array(1);
    mpi.call('MPI_Init_thread', null, null, wanted, granted);
    const started = new MpiProcess(mpi, LEVELS[granted[0]!] ?? 'single');
    if (granted[0]! < wanted) {
      started.finalize();
      throw new MpiUnavailableError(
        `thread level must be ${threadLevel}, got ${started.threadLevel} from ${mpi.library.version}`,
      );
    }
    return started;
  }

  private constructor(mpi: Mpi, threadLevel: ThreadLevel) {
    this.mpi = mpi;
    this.threadLevel = threadLevel;
    const { commWorld, errorsReturn } = mpi.handles;
    mpi.call('MPI_Comm_set_errhandler', commWorld, errorsReturn);
    process.once('exit', (code) => this.#atExit(code));
    process.on('uncaughtExceptionMonitor', (error) => {
      this.#uncaught = error;
    });
    mpi.verifyTypes();
    this.rank = mpi.queryInt('MPI_Comm_rank', commWorld);
    this.size = mpi.queryInt('MPI_Comm_size', commWorld);
    checkLauncher(mpi, this.size);
    const comm = mpi.cell();
    mpi.call('MPI_Comm_dup', commWorld, comm);
    this.hosts = gatherHosts(mpi, comm[0]!, this.size);
    this.shared = SharedCells.create(mpi, this.rank);
    this.mailbox = new Mailbox(mpi, comm[0]!);
    this.liveness = new Liveness(this.mailbox);
    this.progress = new Progress(mpi, this.mailbox);
  }

  get state(): 'running' | 'finalized' | 'aborted' {
    return this.#state;
  }

  /** Number of the next world of this process; worlds are created collectively, so all ranks count alike. */
  nextWorld(): number {
    return this.#worlds++;
  }

  /** Waits for all ranks, then leaves MPI. Exactly once; a no-op later. */
  finalize(): void {
    if (this.#state !== 'running') return;
    try {
      this.#meet(this.progress?.hasFailed ? FINALIZE_AFTER_FAILURE_MS : Infinity);
    } catch {
      this.abort(1);
      return;
    }
    this.#state = 'finalized';
    this.mpi.call('MPI_Finalize');
  }

  /** Ends all ranks of the job with this exit code. Does not return under a launcher. */
  abort(code: number): void {
    if (this.#state !== 'running') return;
    this.#state = 'aborted';
    this.mpi.call('MPI_Abort', this.mpi.handles.commWorld, code === 0 ? 1 : code);
  }

  /**
   * A barrier that sleeps: ranks that are done wait here, at no cost, for one that still works. MPI_Finalize itself
   * would keep a core busy meanwhile.
   */
  #meet(timeoutMs: number): void {
    const { mpi, mailbox } = this;
    waitOrThrow(
      () => mailbox.flushed(),
      timeoutMs,
      () => mailbox.pump(),
    );
    const request = mpi.cell();
    mpi.call('MPI_Ibarrier', mpi.handles.commWorld, request);
    waitOrThrow(
      () => mpi.test(request),
      timeoutMs,
      () => mailbox.pump(),
    );
  }

  #atExit(code: number): void {
    if (this.#state !== 'running') return;
    if (code === 0) {
      this.finalize();
      return;
    }
    // Node prints an uncaught error after this handler, but the abort below does not return.
    if (this.#uncaught) writeSync(2, `${this.#uncaught.stack ?? this.#uncaught}\n`);
    this.abort(code);
  }
}

function waitOrThrow(isDone: () => boolean, timeoutMs: number, onTick: () => void): void {
  const inTime = waitUntil(isDone, { timeoutMs, busyMs: 2, onTick, onLate: () => {} });
  if (!inTime) throw new Error('finalize: other ranks did not come');
}

/** A library of another family than the launcher's sees no launcher and makes each process a world of its own. */
function checkLauncher(mpi: Mpi, size: number): void {
  const environment = detectMpiEnvironment();
  if (environment?.size === undefined || environment.size === size) return;
  throw new MpiUnavailableError(
    `${environment.launcher} started ${environment.size} ranks but ${mpi.library.version} (${mpi.library.path}) sees ` +
      `${size}; start with the mpirun of the same library, or set STRATA_MPI_LIB to the launcher's`,
    { launcher: environment.launcher, expected: environment.size, got: size },
  );
}

function gatherHosts(mpi: Mpi, comm: Handle, size: number): string[] {
  const name = new Uint8Array(HOST_BYTES * 16);
  const length = new Int32Array(1);
  mpi.call('MPI_Get_processor_name', name, length);
  const own = process.env.STRATA_MPI_HOST || Buffer.from(name.buffer, 0, length[0]).toString() || hostname();
  const mine = new Uint8Array(HOST_BYTES);
  mine.set(new TextEncoder().encode(own).subarray(0, HOST_BYTES));
  const all = new Uint8Array(HOST_BYTES * size);
  const type = mpi.typeOf('uint8');
  mpi.call('MPI_Allgather', mpi.pointer(mine), HOST_BYTES, type, mpi.pointer(all), HOST_BYTES, type, comm);
  return Array.from({ length: size }, (_, r) =>
    Buffer.from(all.subarray(r * HOST_BYTES, (r + 1) * HOST_BYTES))
      .toString()
      .replace(/\0+$/, ''),
  );
}
