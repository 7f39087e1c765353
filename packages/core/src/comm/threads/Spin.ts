/** Waiting awake: a little while on the core, then handing the core to whoever wants it, and then no longer. */
import { loadYield } from './yieldCore.js';

/** Looks at the cell before the core is offered to others: about 2 µs, what a rank on another core needs to answer. */
const AWAKE_TURNS = 300;
/** Longest wait awake with the core offered to others, in ms. Being woken from sleep takes 0.02 to 0.1 ms. */
const YIELDING_MS = 0.5;
/** The same where the core cannot be offered but nobody else needs it. */
const BUSY_MS = 0.05;
/** Turns between two looks at the clock. */
const CLOCK_TURNS = 8;

/** One thread's awake waits: `spin.begin(); while (!isMet()) if (!spin.turn()) sleep();` */
export class Spin {
  readonly #now: () => number;
  readonly #yield: (() => unknown) | undefined;
  readonly #awakeTurns: number;
  readonly #longestMs: number;
  #turns = 0;
  #until = 0;

  /** @param hasOwnCore - whether each thread that may be waited for has a core of its own */
  constructor(now: () => number, hasOwnCore: boolean) {
    this.#now = now;
    this.#yield = loadYield();
    this.#awakeTurns = hasOwnCore ? AWAKE_TURNS : 0;
    this.#longestMs = this.#yield ? YIELDING_MS : hasOwnCore ? BUSY_MS : 0;
  }

  /** Starts a wait. */
  begin(): void {
    this.#turns = 0;
  }

  /** One turn of a wait; false once it should sleep instead. */
  turn(): boolean {
    const turns = this.#turns++;
    if (turns < this.#awakeTurns) return true;
    this.#yield?.();
    if (turns % CLOCK_TURNS !== 0) return this.#longestMs > 0;
    const now = this.#now();
    if (turns < this.#awakeTurns + CLOCK_TURNS) {
      this.#until = now + this.#longestMs;
      return this.#longestMs > 0;
    }
    return now < this.#until;
  }
}
