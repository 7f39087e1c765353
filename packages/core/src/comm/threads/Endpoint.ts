/**
 * One rank's end of the fabric: views of the shared memory, the arena, the wait loop.
 *
 * Everything in flight is moved on by its own rank, whenever that rank issues or waits for any operation (`progress`).
 * What a rank hands over lies in shared memory from then on, and emulated links count from then on: a peer that waits
 * needs nothing more from a rank that computes. So nothing here needs helper threads, which would take the cores from
 * the ranks.
 *
 * A rank sleeps on its doorbell cell. Whoever changes something that a rank may be waiting for rings it.
 */
import { AbortedError } from '../../errors.js';
import { createClock, NO_TRACE, type Trace } from '../../trace/Trace.js';
import { wasm } from '../../webAssembly.js';
import { TrafficLedger } from '../counters.js';
import { ELEMENT_TYPES } from '../dtype.js';
import { LinkPorts, linkCells } from '../link.js';
import type { Pending } from '../Pending.js';
import type { CommArray, Work } from '../ProcessGroup.js';
import { Arena } from './Arena.js';
import { type Doorbell, THREAD_DOORBELL } from './Doorbell.js';
import { type Fabric, PHASE_BYTES, RANK, RUN, RUN_STATE, rankCell } from './fabric.js';
import { Lanes } from './Lanes.js';
import { Spin } from './Spin.js';
import { Watch } from './Watch.js';

/** A source of operations that the wait loop moves on. */
export interface Progressor {
  /** Moves on what can be; returns the clock time in ms from which more can be done, Infinity if that needs a peer. */
  progress(): number;
}

/** Options of an {@link Endpoint}. */
export interface EndpointOptions {
  /** Longest wait without progress, in ms. */
  readonly timeoutMs: number;
  /** Whether members compare what they call before every operation. */
  readonly checkComm: boolean;
  readonly trace?: Trace;
  /** How ranks sleep and wake each other. @defaultValue between threads */
  readonly doorbell?: Doorbell;
}

/** Encoded labels that are kept. */
const KEPT_PHASES = 64;

type Reduce = (op: number, target: number, table: number, count: number, length: number) => void;

/** One rank's end of the fabric. */
export class Endpoint {
  readonly rank: number;
  readonly fabric: Fabric;
  readonly i32: Int32Array;
  readonly f64: Float64Array;
  readonly u8: Uint8Array;
  readonly arena: Arena;
  readonly lanes: Lanes;
  readonly ports: LinkPorts | undefined;
  readonly traffic = new TrafficLedger();
  readonly trace: Trace;
  readonly timeoutMs: number;
  readonly checkComm: boolean;
  /** Milliseconds on the clock all ranks share. */
  readonly now = createClock();
  /** Waits awake, before it sleeps. */
  readonly spin: Spin;
  /** Operations that sends, receives and groups have in flight. */
  readonly active = new Set<Progressor>();
  readonly #views: readonly CommArray[];
  readonly #reduce: readonly Reduce[];
  /** int32 index of the table of addresses that {@link Endpoint.reduceTable} reads: one per member. */
  readonly table: number;
  readonly #cell: number;
  readonly #doorbell: Doorbell;
  readonly #onSpace: (() => void)[] = [];
  #phase = '';

  constructor(
    fabric: Fabric,
    rank: number,
    { timeoutMs, checkComm, trace = NO_TRACE, doorbell = THREAD_DOORBELL }: EndpointOptions,
  ) {
    const { buffer } = fabric.memory;
    this.rank = rank;
    this.fabric = fabric;
    this.timeoutMs = timeoutMs;
    this.checkComm = checkComm;
    this.trace = trace;
    this.#doorbell = doorbell;
    this.i32 = new Int32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.u8 = new Uint8Array(buffer);
    this.#views = ELEMENT_TYPES.map((t) => new t.array(buffer, 0, Math.floor(buffer.byteLength / t.bytes)));
    const instance = new wasm.Instance(fabric.reduce, { env: { memory: fabric.memory } });
    this.#reduce = ELEMENT_TYPES.map((t) => instance.exports[`${t.name}_`] as Reduce);
    this.arena = new Arena(fabric.arenaBase + rank * fabric.arenaBytes, fabric.arenaBytes);
    this.table = this.arena.take(4 * fabric.worldSize) >>> 2;
    this.lanes = new Lanes(this);
    this.#cell = rankCell(rank);
    this.spin = new Spin(this.now, fabric.hasOwnCores);
    const servers = fabric.servers.length;
    this.ports = fabric.links
      ? new LinkPorts(
          new BigInt64Array(buffer, fabric.portsBase, linkCells(fabric.worldSize, servers)),
          fabric.links,
          fabric.serverOf,
          this.now,
        )
      : undefined;
  }

  /** The shared memory as elements of a type. */
  view(typeCode: number): CommArray {
    return this.#views[typeCode]!;
  }

  /** Reduces blocks at `sources` (byte addresses) in that order into `target`. */
  reduce(typeCode: number, op: number, target: number, sources: readonly number[], length: number): void {
    for (let k = 0; k < sources.length; k++) this.i32[this.table + k] = sources[k]! | 0;
    this.reduceTable(typeCode, op, target, sources.length, length);
  }

  /** Reduces the blocks whose addresses the caller has put into the table. */
  reduceTable(typeCode: number, op: number, target: number, count: number, length: number): void {
    this.#reduce[typeCode]!(op, target, this.table << 2, count, length);
  }

  /** Wakes a rank if it sleeps. */
  ring(rank: number): void {
    const cell = rankCell(rank);
    Atomics.add(this.i32, cell + RANK.doorbell, 1);
    if (Atomics.load(this.i32, cell + RANK.sleepers) > 0) this.#doorbell.wake(this.i32, cell + RANK.doorbell);
  }

  /** Wakes all of `ranks` but me. */
  ringAll(ranks: readonly number[]): void {
    for (const rank of ranks) if (rank !== this.rank) this.ring(rank);
  }

  /** Shows that this rank lives. */
  beat(): void {
    this.i32[this.#cell + RANK.heartbeat]!++;
  }

  /** Writes what this rank does where the parent can read it if the rank dies. */
  enter(phase: string): void {
    this.beat();
    if (phase === this.#phase) return;
    this.#phase = phase;
    let bytes = this.#phaseBytes.get(phase);
    if (!bytes) {
      const room = new Uint8Array(PHASE_BYTES);
      bytes = room.subarray(0, new TextEncoder().encodeInto(phase, room).written);
      if (this.#phaseBytes.size >= KEPT_PHASES) this.#phaseBytes.clear();
      this.#phaseBytes.set(phase, bytes);
    }
    this.u8.set(bytes, (this.#cell + RANK.phase) * 4);
    Atomics.store(this.i32, this.#cell + RANK.phaseLength, bytes.length);
  }
  /** Encoded labels: small collectives take microseconds, and programs use few labels. */
  readonly #phaseBytes = new Map<string, Uint8Array>();

  /** What this rank does. */
  get phase(): string {
    return this.#phase;
  }

  /**
   * Says that this rank waits for space, so that peers take data out of its arena and ring; or no longer.
   *
   * @param reason - one bit for each user of the arena
   */
  starve(reason: number, isStarved: boolean): void {
    const before = this.#starvedBy;
    this.#starvedBy = isStarved ? before | reason : before & ~reason;
    if ((before === 0) === (this.#starvedBy === 0)) return;
    Atomics.store(this.i32, this.#cell + RANK.starved, isStarved ? 1 : 0);
    Atomics.add(this.i32, RUN.starved, isStarved ? 1 : -1);
    if (isStarved) for (let rank = 0; rank < this.fabric.worldSize; rank++) if (rank !== this.rank) this.ring(rank);
  }
  #starvedBy = 0;

  isStarved(rank: number): boolean {
    return Atomics.load(this.i32, rankCell(rank) + RANK.starved) === 1;
  }

  get anyStarved(): boolean {
    return Atomics.load(this.i32, RUN.starved) > 0;
  }

  /** Rings ranks that wait for space; called after data of theirs were taken. */
  ringStarved(): void {
    if (!this.anyStarved) return;
    for (let rank = 0; rank < this.fabric.worldSize; rank++) if (this.isStarved(rank)) this.ring(rank);
  }

  /** Registers what gives space back to the arena. */
  onSpaceNeeded(reclaim: () => void): void {
    this.#onSpace.push(reclaim);
  }

  /** Takes arena space, after giving back what peers are done with; 0 if there is none yet. */
  takeSpace(bytes: number): number {
    const at = this.arena.take(bytes);
    if (at !== 0) return at;
    for (const reclaim of this.#onSpace) reclaim();
    return this.arena.take(bytes);
  }

  /** True once the caller asked to stop. */
  get isAborting(): boolean {
    this.beat();
    return Atomics.load(this.i32, RUN.state) !== RUN_STATE.running;
  }

  /** Moves on everything in flight; returns when more can be done without a peer. */
  progress(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const source of this.active) next = Math.min(next, source.progress());
    return next;
  }

  /**
   * Blocks until the operation is complete.
   *
   * @throws {@link CommTimeoutError} if it gets no further for `timeoutMs` because ranks are missing.
   * @throws {@link AbortedError} if the run is being stopped.
   */
  wait(pending: Pending, timeoutMs = this.timeoutMs): void {
    if (!pending.isDone) this.progress();
    if (!pending.isDone) this.#block(pending, timeoutMs);
    if (pending.error) throw pending.error;
  }

  /** The {@link Work} of an operation. */
  work(pending: Pending, timeoutMs = this.timeoutMs): Work {
    let done: Promise<void> | undefined;
    const endpoint = this;
    return {
      wait: () => endpoint.wait(pending, timeoutMs),
      get done() {
        done ??= endpoint.#settle(pending, timeoutMs);
        return done;
      },
    };
  }

  #block(pending: Pending, timeoutMs: number): void {
    const { i32 } = this;
    const bell = this.#cell + RANK.doorbell;
    this.enter(pending.name);
    const watch = new Watch(pending, timeoutMs, this.now());
    for (;;) {
      const seen = Atomics.load(i32, bell);
      const next = this.progress();
      if (pending.isDone) return;
      this.#throwIfStopped(pending);
      // A link that is emulated keeps its own time, and awake ranks would take the core from those that compute.
      if (next === Number.POSITIVE_INFINITY && this.#isRungAwake(bell, seen)) continue;
      const ms = watch.sleepMs(this.now(), next);
      if (ms <= 0) continue;
      Atomics.add(i32, this.#cell + RANK.sleepers, 1);
      this.#doorbell.sleep(i32, bell, seen, ms);
      Atomics.sub(i32, this.#cell + RANK.sleepers, 1);
      this.beat();
    }
  }

  /** Waits awake for a while; true once the bell has rung. */
  #isRungAwake(bell: number, seen: number): boolean {
    this.spin.begin();
    while (Atomics.load(this.i32, bell) === seen) if (!this.spin.turn()) return false;
    return true;
  }

  /** As `#block`, but gives the thread back while it waits. */
  async #settle(pending: Pending, timeoutMs: number): Promise<void> {
    const { i32 } = this;
    const bell = this.#cell + RANK.doorbell;
    const watch = new Watch(pending, timeoutMs, this.now());
    // A pending wait alone does not keep the thread's event loop alive.
    const keepAlive = setInterval(() => {}, 1 << 30);
    try {
      for (;;) {
        const seen = Atomics.load(i32, bell);
        const next = this.progress();
        if (pending.isDone) break;
        this.#throwIfStopped(pending);
        const ms = Math.max(0.1, watch.sleepMs(this.now(), next));
        Atomics.add(i32, this.#cell + RANK.sleepers, 1);
        try {
          await this.#doorbell.sleepAsync(i32, bell, seen, ms);
        } finally {
          Atomics.sub(i32, this.#cell + RANK.sleepers, 1);
        }
        this.beat();
      }
    } finally {
      clearInterval(keepAlive);
    }
    if (pending.error) throw pending.error;
  }

  #throwIfStopped(pending: Pending): void {
    const state = Atomics.load(this.i32, RUN.state);
    if (state === RUN_STATE.abortForced) throw new AbortedError(`${pending.name}: the run was aborted`);
    if (state === RUN_STATE.failed) throw new AbortedError(`${pending.name}: another rank failed`);
  }
}
