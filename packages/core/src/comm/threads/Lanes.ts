/**
 * Where one rank puts short arrays that it contributes to collectives: a few slots of its arena in turn, so that nothing
 * is allocated per call, and a place for results.
 */
import type { Endpoint } from './Endpoint.js';
import type { GroupControl } from './GroupControl.js';

/** Slots; blocking calls need two. */
const LANES = 4;

/** Longest array that is reduced by every member for itself, times the members: beyond, sharing the work is faster. */
const ONE_SHOT_BYTES = 2 ** 18;

/** Whether an all-reduce of so many bytes among `size` members is done by every member for itself. */
export function isOneShot(bytes: number, size: number): boolean {
  return bytes * size <= ONE_SHOT_BYTES;
}

/** The lanes of one rank, shared by its groups. */
export class Lanes {
  readonly #end: Endpoint;
  readonly #bytes = ONE_SHOT_BYTES / 2;
  readonly #users: (GroupControl | undefined)[] = new Array(LANES).fill(undefined);
  readonly #sequences: number[] = new Array(LANES).fill(0);
  #base = 0;
  #next = 0;

  constructor(end: Endpoint) {
    this.#end = end;
  }

  /** Takes the arena space on first use; false while there is none. */
  isReady(): boolean {
    if (this.#base === 0) this.#base = this.#end.takeSpace((LANES + 1) * this.#bytes);
    return this.#base !== 0;
  }

  /** Address for results, to be copied out before anything else is called. */
  get result(): number {
    return this.#base + LANES * this.#bytes;
  }

  /** Address for what I contribute to piece `seq` of a group; 0 if members still read what lies there. */
  take(control: GroupControl, seq: number): number {
    const lane = this.#next;
    const user = this.#users[lane];
    if (user && !user.isOver(this.#sequences[lane]!)) return 0;
    if (!this.isReady()) return 0;
    this.#users[lane] = control;
    this.#sequences[lane] = seq;
    this.#next = (lane + 1) % LANES;
    return this.#base + lane * this.#bytes;
  }
}
