/** Waiting awake: a little while on the core, then handing the core to whoever wants it, and then no longer. */
import { loadYield } from './yieldCore.js';

/**
 * Wait before the core is offered to others, in ms, where every rank has a core of its own: what a peer needs that comes
 * from work of the same length. Offering it costs 0.5 µs where nobody wants it and 5 µs where somebody does.
 */
const AWAKE_MS = 0.05;
/** Wait with the core offered to others, in ms. Being woken from sleep takes 0.02 to 0.1 ms. */
const YIELDING_MS = 0.5;
/** Turns between two looks at the clock while awake, and while yielding. */
const AWAKE_TURNS = 64;
const YIELDING_TURNS = 8;

/** One thread's awake waits: `spin.begin(); while (!isMet()) if (!spin.turn()) sleep();` */
export class Spin {
  readonly #now: () => number;
  readonly #yield: (() => unknown) | undefined;
  readonly #awakeMs: number;
  readonly #yieldingMs: number;
  #turns = 0;
  #isYielding = false;
  #until = 0;

  /** @param hasOwnCore - whether each thread that may be waited for has a core of its own */
  constructor(now: () => number, hasOwnCore: boolean) {
    this.#now = now;
    this.#yield = loadYield();
    this.#awakeMs = hasOwnCore ? AWAKE_MS : 0;
    this.#yieldingMs = this.#yield ? YIELDING_MS : 0;
  }

  /** Starts a wait. */
  begin(): void {
    this.#turns = 0;
    this.#until = 0;
    this.#isYielding = this.#awakeMs === 0;
  }

  /** One turn of a wait; false once it should sleep instead. */
  turn(): boolean {
    const turns = ++this.#turns;
    if (!this.#isYielding) return turns % AWAKE_TURNS !== 0 || this.#isEarly(this.#awakeMs) || this.#beginYielding();
    if (this.#yieldingMs === 0) return false;
    this.#yield?.();
    return turns % YIELDING_TURNS !== 0 || this.#isEarly(this.#yieldingMs);
  }

  #isEarly(longestMs: number): boolean {
    const now = this.#now();
    if (this.#until === 0) this.#until = now + longestMs;
    return now < this.#until;
  }

  #beginYielding(): boolean {
    this.#isYielding = true;
    this.#until = 0;
    return this.#yieldingMs > 0;
  }
}
