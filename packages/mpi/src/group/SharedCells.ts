/**
 * Counters in memory that the ranks of one host share, through which they learn that all have come: a look at memory takes
 * nanoseconds where a message takes microseconds, and a wait for it can end in time whatever the others do.
 *
 * A collective that all ranks have reached then is the library's blocking call, which is faster than its non-blocking form.
 * The window is left to MPI_Finalize: freeing it is collective, and would hang after a failure.
 */
import { availableParallelism } from 'node:os';
import type { Mpi } from '../library/Mpi.js';

/** Groups of a process that can have counters. */
const GROUPS = 1024;
/** int32 cells of a counter: a cache line. */
const LINE = 16;
const SEGMENT_BYTES = 4 * LINE * GROUPS;
/** Wait before the core is offered to others, in ms, where every rank has a core of its own. */
const AWAKE_MS = 0.05;
/** Looks at the counters between two looks at the clock. */
const AWAKE_TURNS = 64;

/** The counters of one process and of those that share its host. */
export class SharedCells {
  readonly #cells: Int32Array;
  /** MPI world rank → rank on this host. */
  readonly #local: ReadonlyMap<number, number>;
  #next = 0;

  /**
   * Collective over all ranks of the job. Undefined, on all of them, where one could not have it.
   *
   * @param rank - mine in MPI_COMM_WORLD
   */
  static create(mpi: Mpi, rank: number): SharedCells | undefined {
    let cells: SharedCells | undefined;
    try {
      cells = new SharedCells(mpi, rank);
    } catch {
      // No shared memory here; the ranks agree on that below.
    }
    return everywhere(mpi, cells !== undefined) ? cells : undefined;
  }

  private constructor(mpi: Mpi, rank: number) {
    const { commWorld, commTypeShared, infoNull } = mpi.handles;
    const host = mpi.cell();
    mpi.call('MPI_Comm_split_type', commWorld, commTypeShared, 0, infoNull, host);
    const size = mpi.queryInt('MPI_Comm_size', host[0]!);
    const base = new BigInt64Array(1);
    const window = mpi.cell();
    mpi.call('MPI_Win_allocate_shared', SEGMENT_BYTES, 4, infoNull, host[0]!, base, window);
    // Segments follow each other in the order of ranks.
    mpi.call('MPI_Win_shared_query', window[0]!, 0, new BigInt64Array(1), new Int32Array(1), base);
    this.#cells = new Int32Array(mpi.view(base[0]!, SEGMENT_BYTES * size));
    const mine = Int32Array.of(rank);
    const ranks = new Int32Array(size);
    const type = mpi.typeOf('int32');
    mpi.call('MPI_Allgather', mpi.pointer(mine), 1, type, mpi.pointer(ranks), 1, type, host[0]!);
    this.#local = new Map([...ranks].map((r, local) => [r, local]));
    const own = this.#local.get(rank)! * LINE * GROUPS;
    this.#cells.fill(0, own, own + LINE * GROUPS);
  }

  /** A number that this process has not used for a group; members take the largest of theirs. */
  get next(): number {
    return this.#next;
  }

  /** Meetings of a group; undefined if its members do not all share this host, or there are too many groups. */
  meetings(index: number, mpiRanks: readonly number[], member: number): Meetings | undefined {
    this.#next = Math.max(this.#next, index + 1);
    const locals = mpiRanks.map((r) => this.#local.get(r));
    if (index >= GROUPS || locals.length < 2 || locals.includes(undefined)) return undefined;
    const cells = locals.map((local) => (local! * GROUPS + index) * LINE);
    // The ranks of other groups on this host need cores as well.
    return new Meetings(this.#cells, cells, member, this.#local.size <= availableParallelism());
  }
}

/** Where the members of a group meet. */
export class Meetings {
  readonly #memory: Int32Array;
  readonly #cells: readonly number[];
  readonly #mine: number;
  readonly #hasOwnCore: boolean;
  #count = 0;

  /** @param hasOwnCore - whether each rank of this host has a core of its own */
  constructor(memory: Int32Array, cells: readonly number[], member: number, hasOwnCore: boolean) {
    this.#memory = memory;
    this.#cells = cells;
    this.#mine = cells[member]!;
    this.#hasOwnCore = hasOwnCore;
  }

  /** Counts me in; true if all come while this rank waits awake. Else wait for {@link Meetings.isComplete}. */
  arrive(): boolean {
    this.#count = (this.#count + 1) | 0;
    Atomics.store(this.#memory, this.#mine, this.#count);
    if (this.isComplete()) return true;
    if (!this.#hasOwnCore) return false;
    for (const until = performance.now() + AWAKE_MS; ; ) {
      for (let turn = 0; turn < AWAKE_TURNS; turn++) if (this.isComplete()) return true;
      if (performance.now() >= until) return false;
    }
  }

  /** Whether all members have counted themselves in as often as I have. */
  isComplete(): boolean {
    for (const cell of this.#cells) if (((Atomics.load(this.#memory, cell) - this.#count) | 0) < 0) return false;
    return true;
  }
}

function everywhere(mpi: Mpi, isTrue: boolean): boolean {
  const flag = Int32Array.of(isTrue ? 1 : 0);
  const { inPlace, ops, commWorld } = mpi.handles;
  mpi.call('MPI_Allreduce', inPlace, mpi.pointer(flag), 1, mpi.typeOf('int32'), ops.min, commWorld);
  return flag[0] === 1;
}
