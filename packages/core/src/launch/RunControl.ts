/** The parent's view of a run's shared memory: the run state and the ranks' signs of life. */
import { type Fabric, RANK, RUN, RUN_STATE, rankCell } from '../comm/threads/fabric.js';

/** Reads and steers the ranks of a run. */
export class RunControl {
  readonly #i32: Int32Array;
  readonly #buffer: SharedArrayBuffer;
  readonly #worldSize: number;
  readonly #beats: Int32Array;
  readonly #lastBeat: Float64Array;

  constructor(fabric: Fabric) {
    this.#buffer = fabric.memory.buffer;
    this.#i32 = new Int32Array(this.#buffer, 0, rankCell(fabric.worldSize));
    this.#worldSize = fabric.worldSize;
    this.#beats = new Int32Array(fabric.worldSize);
    this.#lastBeat = new Float64Array(fabric.worldSize).fill(performance.now());
  }

  /** Asks the ranks to stop; their waits go on. */
  requestAbort(): void {
    Atomics.compareExchange(this.#i32, RUN.state, RUN_STATE.running, RUN_STATE.abortRequested);
  }

  /** Ends the ranks' waits: the run was aborted, or a rank failed. */
  stop(state: 'abortForced' | 'failed'): void {
    Atomics.store(this.#i32, RUN.state, RUN_STATE[state]);
    for (let rank = 0; rank < this.#worldSize; rank++) {
      const bell = rankCell(rank) + RANK.doorbell;
      Atomics.add(this.#i32, bell, 1);
      Atomics.notify(this.#i32, bell);
    }
  }

  /** Ranks whose heartbeat has not changed for `limitMs`. */
  silentRanks(nowMs: number, limitMs: number): number[] {
    const silent: number[] = [];
    for (let rank = 0; rank < this.#worldSize; rank++) {
      const beat = Atomics.load(this.#i32, rankCell(rank) + RANK.heartbeat);
      if (beat !== this.#beats[rank]) {
        this.#beats[rank] = beat;
        this.#lastBeat[rank] = nowMs;
      } else if (nowMs - this.#lastBeat[rank]! > limitMs) silent.push(rank);
    }
    return silent;
  }

  /** What a rank did last. */
  phaseOf(rank: number): string {
    const cell = rankCell(rank);
    const length = Atomics.load(this.#i32, cell + RANK.phaseLength);
    if (length === 0) return 'start';
    const bytes = new Uint8Array(this.#buffer, (cell + RANK.phase) * 4, length);
    // slice copies out of shared memory, which the decoder does not take.
    return new TextDecoder().decode(bytes.slice());
  }
}
